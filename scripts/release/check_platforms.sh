#!/usr/bin/env bash
# Compiles everything for Windows and macOS as far as `cargo check` goes: types and names, nothing linked or run.
#
#   scripts/release/check_platforms.sh [TARGET...]
#
# The C parts of crates (zstd, BLAKE3) are left out: a check links nothing, and their authors build them there. So no compiler and no
# SDK of these platforms is needed, only Rust's targets, which rustup adds where it can.
set -euo pipefail
cd "$(dirname "$0")/../.."
targets=("$@")
((${#targets[@]})) || targets=(x86_64-pc-windows-gnu aarch64-apple-darwin)

# In the place of compiler and archiver: makes the file that it is asked for, with nothing in it.
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
cat > "$scratch/nothing" << 'END'
#!/usr/bin/env bash
while (($#)); do
    case $1 in
    -o) : > "$2" ;;
    *.a | *.lib) : > "$1" ;;
    esac
    shift
done
END
chmod +x "$scratch/nothing"

for target in "${targets[@]}"; do
    if command -v rustup > /dev/null; then rustup target add "$target" > /dev/null 2>&1 || true; fi
    if [[ ! -d $(rustc --print target-libdir --target "$target" 2> /dev/null) ]]; then
        echo "the target $target is missing (rustup target add $target): nothing was checked for it"
        continue
    fi
    # PyO3 asks no Python where the stable interface is compiled for another system.
    env "CC_${target//-/_}=$scratch/nothing" "AR_${target//-/_}=$scratch/nothing" PYO3_NO_PYTHON=1 \
        cargo check --workspace --target "$target"
    echo "$target: checked"
done
