#!/usr/bin/env bash
# A release: one static binary in an archive, with what has to go with it, and checksums.
#
#   scripts/release/build.sh [TARGET]       default: x86_64-unknown-linux-musl
#
# Needs cargo with that target (rustup target add), a C compiler for it (musl-tools, gcc-mingw-w64-x86-64), python3 and GNU tar.
# Writes target/dist/baler-VERSION-TARGET.tar.gz and target/dist/SHA256SUMS. BALER_OFFLINE=1 asks no registry.
set -euo pipefail
cd "$(dirname "$0")/../.."

step() { printf '\n== %s\n' "$*"; }
target=${1:-x86_64-unknown-linux-musl}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name=baler-$version-$target
build=${CARGO_TARGET_DIR:-target}
dist=target/dist
offline=()
[[ -z ${BALER_OFFLINE:-} ]] || offline=(--offline)
# What the archive's files are dated: the commit, or, where the sources came as an archive, what that says.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || stat -c %Y Cargo.toml)}

step "build for $target"
# Folders of this machine stay out of the binary, and the sources of crates have one name whether they came from a registry or
# from `vendor`.
crates=${CARGO_HOME:-$HOME/.cargo}/registry/src
remap="--remap-path-prefix=$PWD=/baler --remap-path-prefix=$PWD/vendor=/crates"
for registry in "$crates"/*/; do remap+=" --remap-path-prefix=${registry%/}=/crates"; done
export RUSTFLAGS="$remap" CARGO_PROFILE_RELEASE_STRIP=symbols
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$PWD/vendor=/crates -ffile-prefix-map=$crates=/crates"
cargo build --release --locked "${offline[@]}" --target "$target" -p baler-cli --bin baler
binary=$build/$target/release/baler
[[ $target != *windows* ]] || binary+=.exe

# Completions are its own words, which it says where it runs: for Windows in Wine.
runs() { "$binary" "$@"; }
[[ $target != *windows* ]] || runs() { scripts/release/wine.sh "$binary" "$@"; }
can_run=yes
runs --version || can_run=
[[ -n $can_run ]] || echo "$target does not run on this machine: nothing is tried, and the archive has no completions"

step 'archive'
folder=$dist/$name
rm -rf "$folder" "$folder.tar.gz"
mkdir -p "$folder/licences" "$folder/docs"
cp "$binary" LICENSE README.md CHANGELOG.md CITATION.cff "$folder"
cp -r docs/*.md docs/pictures "$folder/docs"
cp scripts/release/Containerfile "$folder"
python3 scripts/release/licences.py "$target" "$folder/licences/crates.txt" "${offline[@]}"
cp "$(rustc --print sysroot)/share/doc/rust/COPYRIGHT-library.html" "$folder/licences/rust-standard-library.html"
if [[ -n $can_run ]]; then
    mkdir "$folder/completions"
    for shell in bash zsh fish elvish powershell; do
        runs completions "$shell" > "$folder/completions/baler.$shell"
    done
fi
find "$folder" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
chmod 755 "$folder/$(basename "$binary")"
tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -C "$dist" -cf - "$name" | gzip -9n > "$folder.tar.gz"
(cd "$dist" && sha256sum -- *.tar.gz > SHA256SUMS && cat SHA256SUMS)
ls -l "$binary" "$folder.tar.gz"

# A folder with nothing but the binary is all that it sees: no libraries, no /dev, no /proc, no /tmp.
step 'demo where nothing else is'
if [[ -n $can_run && $target == *linux* ]]; then
    room=$(mktemp -d)
    trap 'rm -rf "$room"' EXIT
    tar -xzf "$folder.tar.gz" -C "$room" --strip-components=1 "$name/baler"
    enter=("$(command -v chroot)")
    [[ $(id -u) == 0 ]] || enter=("$(command -v unshare)" --map-root-user "${enter[@]}")
    alone() { env -i TMPDIR=/ "${enter[@]}" "$room" /baler "$@"; }
    alone demo
    alone verify baler-demo/jets.bale --against baler-demo/jets.npz
    alone compress baler-demo/cfd.npz -o - --rel 1e-3 -3 -q > "$room/piped.bale"
    alone verify - < "$room/piped.bale"
elif [[ -n $can_run && $target == *windows* ]]; then
    scripts/release/check_windows.sh "$binary"
fi
