# Recipes for developers; .ci/run runs the same steps.

# Everything that a change must pass.
check: fmt lint build test checked doc

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

# What comes from outside and what is promised, with overflow checks and debug assertions.
checked:
    cargo test --profile checked -p baler --test hostile --test formats --test bound --test cuts --test mutations

# Changed files of every kind, a million cases an hour or so; `just fuzz 1000000` goes on behind the first million.
fuzz first="0" cases="1000000":
    BALER_FIRST={{first}} BALER_MUTATIONS={{cases}} cargo test --profile checked -p baler --test mutations changed -- --nocapture

# The Python package as users get it.
python:
    scripts/python/check.sh

# C, C++ and Fortran, and the filter of HDF5 in other programs (behind `python`, whose environment it takes).
hosts:
    scripts/capi/check.sh
    scripts/hdf5/check.sh

bench:
    cargo bench --workspace

# A release and an archive of all sources, each tried alone (docs/install.md); 20 minutes or so.
release:
    scripts/release/build.sh
    scripts/release/vendor.sh --check

# Whether everything compiles for Windows and macOS.
platforms:
    scripts/release/check_platforms.sh

# What the continuous integration does, from a clean checkout.
ci:
    .ci/run
