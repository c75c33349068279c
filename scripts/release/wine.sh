#!/usr/bin/env bash
# Runs a program of Windows in Wine:   scripts/release/wine.sh PROGRAM.exe ARGUMENT...
#
# Wine before 9 has no bcryptprimitives.dll, of which Rust's standard library takes one function; beside a copy of the program lies
# one that has it.
set -euo pipefail
wine=$(command -v wine64 wine /usr/lib/wine/wine64 | head -1 || true)
if [[ -z $wine ]]; then
    echo 'Wine is missing (apt-get install wine64)' >&2
    exit 127
fi
export WINEPREFIX=${WINEPREFIX:-$PWD/target/wine} WINEDEBUG=-all
place=$WINEPREFIX/run
if [[ ! $place/program.exe -nt $1 ]]; then
    mkdir -p "$place"
    cp "$1" "$place/program.exe"
    cat > "$place/random.c" << 'END'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return SystemFunction036(data, (ULONG)size); }
END
    x86_64-w64-mingw32-gcc -shared -o "$place/bcryptprimitives.dll" "$place/random.c" -ladvapi32
fi
shift
exec "$wine" "$place/program.exe" "$@"
