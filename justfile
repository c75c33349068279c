# Recipes for developers; .ci/run runs the same steps.

# Everything that a change must pass.
check: fmt lint build test doc

fmt:
    cargo fmt --all --check

lint:
    cargo clippy --workspace --all-targets -- -D warnings

build:
    cargo build --release --workspace

test:
    cargo test --release --workspace

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

bench:
    cargo bench --workspace

# What the continuous integration does, from a clean checkout.
ci:
    .ci/run
