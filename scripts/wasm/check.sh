#!/usr/bin/env bash
# Builds the decoder for WebAssembly, without the encoder and without C, and decodes every golden archive under Node.
# Needs node and the target: rustup target add wasm32-unknown-unknown.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release -p baler-codec --no-default-features --target wasm32-unknown-unknown --example wasm
folder=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
node scripts/wasm/check.mjs "$folder/wasm32-unknown-unknown/release/examples/wasm.wasm" crates/baler/tests/assets
