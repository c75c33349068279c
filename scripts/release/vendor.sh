#!/usr/bin/env bash
# The sources with those of all crates that they need, for machines without a network.
#
#   scripts/release/vendor.sh [--check]
#
# Writes target/dist/baler-VERSION-vendored.tar.gz of what is committed. --check unpacks it, builds the release in it without a
# network and without cargo's own folder (scripts/release/build.sh), and compares its binary with the one that is in target/dist.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name=baler-$version-vendored
dist=target/dist
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

mkdir -p "$dist" "$room/$name/.cargo"
git archive HEAD | tar -x -C "$room/$name"
# What it prints is the configuration; with --quiet it would be silent.
(cd "$room/$name" && cargo vendor --locked --versioned-dirs vendor > .cargo/config.toml 2> "$room/said") || { cat "$room/said" >&2 && exit 1; }
grep -q vendored-sources "$room/$name/.cargo/config.toml"
tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w --mtime="@$epoch" \
    -C "$room" -cf - "$name" | gzip -9n > "$dist/$name.tar.gz"
(cd "$dist" && sha256sum -- *.tar.gz > SHA256SUMS)
ls -l "$dist/$name.tar.gz"
[[ ${1:-} == --check ]] || exit 0

target=x86_64-unknown-linux-musl
built=$dist/baler-$version-$target.tar.gz
rm -rf "${room:?}/$name"
tar -xzf "$dist/$name.tar.gz" -C "$room"
# A namespace without interfaces is a machine without a network; an empty CARGO_HOME has no crates.
alone=(unshare --net)
[[ $(id -u) == 0 ]] || alone=(unshare --map-root-user --net)
env -u CARGO_TARGET_DIR CARGO_HOME="$room/home" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" BALER_OFFLINE=1 \
    "${alone[@]}" "$room/$name/scripts/release/build.sh" "$target"
if [[ -f $built ]]; then
    cmp "$room/$name/$built" "$built"
    echo 'the same bytes as the archive of this folder'
fi
