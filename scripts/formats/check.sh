#!/usr/bin/env bash
# Files of the real tools through the release binary and back: sets up the tools of requirements.txt in target/formats-venv,
# then runs every check. Usage: scripts/formats/check.sh [BALER]; exit code 1 if one fails.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
baler=${1:-$target/release/baler}
venv=$target/formats-venv
wanted=scripts/formats/requirements.txt
if ! cmp --silent "$wanted" "$venv/installed.txt"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: -r "$wanted"
    cp "$wanted" "$venv/installed.txt"
fi

# Each writes its own files; what one prints stays together.
checks="formats root parquet between parts numpy random random_parquet random_fits random_tiff random_root"
failed=0
# Files that failed once lie beside the project, where they are.
"$venv/bin/python" -W ignore scripts/formats/check_cases.py "$baler" ../shared/cases > "$venv/cases.log" 2>&1 || {
    failed=1
    grep -v '^passed' "$venv/cases.log"
}
echo "cases: $(tail -n 1 "$venv/cases.log")"
pids=()
for check in $checks; do
    "$venv/bin/python" -W ignore "scripts/formats/check_$check.py" "$baler" > "$venv/$check.log" 2>&1 &
    pids+=($!)
done
i=0
for check in $checks; do
    if wait "${pids[$i]}"; then
        echo "$check: $(tail -n 1 "$venv/$check.log")"
    else
        failed=1
        printf '%s:\n%s\n' "$check" "$(grep -v '^passed\|^ok' "$venv/$check.log")"
    fi
    i=$((i + 1))
done
exit $failed
