//! The plugin stays loaded once it is: HDF5 unloads plugins when it closes, and the threads that have used one keep things of
//! it until they end.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
