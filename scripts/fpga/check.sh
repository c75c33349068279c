#!/usr/bin/env bash
# Trains small networks, exports them, and runs what was exported: RTL under Icarus Verilog (and Verilator for the large one)
# with random stalls, C, C++ and counts of yosys. Installs iverilog and yosys where it may, and says what is missing where not.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
for tool in iverilog yosys make cc c++; do
    command -v "$tool" > /dev/null || missing+=("$tool")
done
if ((${#missing[@]})) && [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null; then
    apt-get -qq update && apt-get -qq install -y --no-install-recommends iverilog yosys make g++ > /dev/null || true
fi
if ! command -v iverilog > /dev/null || ! command -v make > /dev/null; then
    echo "missing: ${missing[*]}: no RTL was run"
    exit 0
fi

baler=${BALER:-$PWD/target/release/baler}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 scripts/fpga/make_data.py "$work"
cd "$work"

train() { "$baler" train "$2" -o "$1.balm" --latent "$3" --arch "$4" --epochs "${5:-60}" --target fpga --bits "${6:-8,16}" -q; }
# What was exported passes in an environment with nothing but a path.
passes() { (cd "$1" && env -i PATH=/usr/local/bin:/usr/bin:/bin make -s "${@:2}") | grep -E 'PASS|FAIL'; }
export_() { "$baler" export "$1" -o "$2" -q "${@:3}"; }

train tiny tiny.csv 8 dense:20,10:relu
train leaky tiny.csv 8 dense:20,10
train micro adc.csv 3 dense:6:relu 60 4,12
train conv frames.npy 4 conv2d:3:relu 4
train large large.csv 15 dense:200,100,50:relu 1

export_ tiny.balm tiny --data tiny.csv
passes tiny sim c hls
export_ leaky.balm leaky --data tiny.csv
passes leaky sim
export_ micro.balm micro --data adc.csv
passes micro sim
export_ micro.balm micro_raw --data adc.csv --inputs raw
passes micro_raw sim c hls
export_ conv.balm conv --data frames.npy --target verilog,c
passes conv sim c
export_ leaky.balm serial_ram --data tiny.csv --reuse serial --weights ram --target verilog
passes serial_ram sim
export_ tiny.balm reused --data tiny.csv --reuse 4 --target verilog
passes reused sim
if command -v verilator > /dev/null; then
    export_ large.balm large --data large.csv --reuse serial --target verilog
    passes large verilator
else
    export_ large.balm large --data large.csv --reuse serial --rows 24 --target verilog
    passes large sim
fi

# Latents of the emulator, as the hardware would send them, become an archive that opens.
"$baler" emulate tiny.balm tiny.csv -o tiny.lat -q
"$baler" compress --latents tiny.lat --model tiny.balm -o tiny.bale -q
"$baler" decompress tiny.bale -o back.csv -q
[[ $(wc -l < back.csv) == $(wc -l < tiny.csv) ]] || { echo 'rows are missing after --latents' >&2; exit 1; }

if command -v yosys > /dev/null; then
    (cd micro && make -s synth > /dev/null && grep -E 'LUT|DSP|FDRE' build/synth.txt)
else
    echo 'yosys is missing: no cells were counted'
fi
echo 'exported hardware passes'
