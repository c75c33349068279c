#!/usr/bin/env bash
# The C interface as its users meet it: compiles the examples in C, C++ and Fortran with the system's compilers, against the
# shared and the static library, and runs them, the one in C also under valgrind. A compiler that is not there, and cannot be
# installed, is said.
# Usage: scripts/capi/check.sh; everything is made in target/. Needs cargo and a C compiler.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-$PWD/target}
examples=crates/baler-capi/examples
out=$target/capi
mkdir -p "$out"

# Whether a program is there, or could be installed.
has() {
    command -v "$1" > /dev/null && return
    [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null \
        && { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$1"; } > /dev/null 2>&1 \
        && command -v "$1" > /dev/null
}

# Beside a crate that needs the workspace's features of all dependencies, so that no second codec is built.
cargo build --release --quiet -p baler-capi -p baler-python
flags=(-O1 -g -Wall -Wextra -Werror -Icrates/baler-capi/include)
shared=("-L$target/release" -lbaler -lm -lpthread "-Wl,-rpath,$target/release")
case $(uname) in
    Darwin) static=("$target/release/libbaler.a" -liconv -framework CoreFoundation) ;;
    *) static=("$target/release/libbaler.a" -lm -lpthread -ldl) ;;
esac

cc -std=c99 -pedantic "${flags[@]}" "$examples/field.c" -o "$out/field" "${shared[@]}"
"$out/field"
cc -std=c99 "${flags[@]}" "$examples/field.c" -o "$out/field_static" "${static[@]}"
"$out/field_static"
if has valgrind; then
    # Not whether values are initialized: optimized Rust branches on some that then make no difference, in safe code.
    valgrind --quiet --undef-value-errors=no --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "$out/field"
    echo 'valgrind: clean'
else
    echo 'valgrind is not there and cannot be installed: no look at memory'
fi
if command -v c++ > /dev/null; then
    c++ -std=c++14 "${flags[@]}" "$examples/columns.cpp" -o "$out/columns" "${shared[@]}"
    "$out/columns"
else
    echo 'a C++ compiler is missing: the example in C++ is not run'
fi
if has gfortran; then
    gfortran -std=f2018 -Wall -O1 "$examples/flow.f90" -J "$out" -o "$out/flow" "${shared[@]}"
    "$out/flow"
else
    echo 'gfortran is not there and cannot be installed: the example in Fortran is not run'
fi
