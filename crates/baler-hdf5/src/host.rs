//! The HDF5 that calls the filter: functions of it are looked up when they are needed, because the filter is linked with no
//! HDF5, and a process may hold several (h5py and netCDF4 bring their own). Which one calls is read off the stack.

use crate::abi::{FilterClass, Hid};
use baler_data::error::{Error, Result};
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};

#[cfg(unix)]
mod caller {
    #[cfg(target_os = "linux")]
    use std::ffi::CString;
    use std::ffi::{CStr, c_int, c_void};
    use std::ptr::null_mut;

    unsafe extern "C" {
        fn _Unwind_Backtrace(
            seen: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
            argument: *mut c_void,
        ) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
    }

    /// The library that an address belongs to: where it is loaded, and its path.
    fn library_of(address: *const c_void) -> Option<libc::Dl_info> {
        let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: `dladdr` only looks the address up, and zeros are a valid Dl_info.
        unsafe { (libc::dladdr(address, info.as_mut_ptr()) != 0).then(|| info.assume_init()) }
    }

    struct Search {
        own: *mut c_void,
        found: Option<libc::Dl_info>,
    }

    extern "C" fn seen(context: *mut c_void, argument: *mut c_void) -> c_int {
        // SAFETY: the argument is the search below, and the context is the unwinder's.
        let (search, address) = unsafe { (&mut *argument.cast::<Search>(), _Unwind_GetIP(context)) };
        match library_of(address as *const c_void) {
            Some(info) if info.dli_fbase != search.own => {
                search.found = Some(info);
                1
            }
            _ => 0,
        }
    }

    /// A handle of the library that has called into this one.
    pub fn handle() -> *mut c_void {
        let own = library_of(handle as *const c_void).map_or(null_mut(), |info| info.dli_fbase);
        let mut search = Search { own, found: None };
        // SAFETY: the callback has the unwinder's form, and the search outlives the call.
        unsafe { _Unwind_Backtrace(seen, (&raw mut search).cast()) };
        let Some(info) = search.found.filter(|info| !info.dli_fname.is_null()) else {
            return libc::RTLD_DEFAULT;
        };
        // SAFETY: the name is one of a loaded library, which is not loaded again.
        let handle = unsafe {
            libc::dlopen(CStr::from_ptr(info.dli_fname).as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD)
        };
        // A program that has HDF5 in it is no library.
        if handle.is_null() { libc::RTLD_DEFAULT } else { handle }
    }

    /// Handles of all libraries of HDF5 that are loaded.
    #[cfg(target_os = "linux")]
    pub fn all() -> Vec<*mut c_void> {
        unsafe extern "C" fn see(info: *mut libc::dl_phdr_info, _: usize, argument: *mut c_void) -> c_int {
            // SAFETY: the argument is the list below, and the name ends with NUL.
            let (found, path) =
                unsafe { (&mut *argument.cast::<Vec<CString>>(), CStr::from_ptr((*info).dlpi_name)) };
            let text = path.to_string_lossy();
            let name = text.rsplit('/').next().unwrap_or_default();
            if name.starts_with("libhdf5") && !name.starts_with("libhdf5_") {
                found.push(path.to_owned());
            }
            0
        }
        let mut found: Vec<CString> = Vec::new();
        // SAFETY: the callback has the form that is asked for, and the list outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(see), (&raw mut found).cast()) };
        // SAFETY: the names are those of loaded libraries, which are not loaded again.
        let open =
            |path: &CString| unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        found.iter().map(open).filter(|handle| !handle.is_null()).collect()
    }

    /// Other systems do not tell.
    #[cfg(not(target_os = "linux"))]
    pub fn all() -> Vec<*mut c_void> {
        Vec::new()
    }

    /// A symbol of that library, or null.
    pub fn symbol(handle: *mut c_void, name: &CStr) -> *mut c_void {
        // SAFETY: the handle is one of the functions above.
        unsafe { libc::dlsym(handle, name.as_ptr()) }
    }
}

#[cfg(not(unix))]
mod caller {
    use std::ffi::{CStr, c_void};
    use std::ptr::null_mut;

    /// Other systems find libraries in their own ways, which nobody has tried yet.
    pub fn handle() -> *mut c_void {
        null_mut()
    }

    /// None.
    pub fn all() -> Vec<*mut c_void> {
        Vec::new()
    }

    /// None.
    pub fn symbol(_handle: *mut c_void, _name: &CStr) -> *mut c_void {
        null_mut()
    }
}

fn symbol(handle: *mut c_void, name: &CStr) -> Result<*mut c_void> {
    let found = caller::symbol(handle, name);
    let missing = || {
        let name = name.to_string_lossy();
        Error::unsupported(format!(
            "expected HDF5 1.10 or newer in a shared library, found no {name} in what calls"
        ))
    };
    if found.is_null() { Err(missing()) } else { Ok(found) }
}

macro_rules! functions {
    ($($name:ident($($argument:ty),*) -> $result:ty;)*) => {
        /// Functions of HDF5, by their names there.
        #[allow(non_snake_case)]
        pub struct Host {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                pub $name: unsafe extern "C" fn($($argument),*) -> $result,
            )*
        }

        impl Host {
            /// Of the HDF5 that has called the filter.
            ///
            /// # Errors
            /// [`baler_data::ErrorKind::Unsupported`] where what calls has no such functions.
            pub fn find() -> Result<Host> {
                let handle = caller::handle();
                Ok(Host {
                    // SAFETY: the functions of that name have these types in every version from 1.10 on.
                    $($name: unsafe {
                        let name = CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes());
                        std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) -> $result>(symbol(handle, name)?)
                    },)*
                })
            }
        }
    };
}

functions! {
    H5Pget_chunk(Hid, c_int, *mut u64) -> c_int;
    H5Pget_filter2(Hid, c_uint, *mut c_uint, *mut usize, *mut c_uint, usize, *mut c_char, *mut c_uint) -> c_int;
    H5Pmodify_filter(Hid, c_int, c_uint, usize, *const c_uint) -> c_int;
    H5Pfill_value_defined(Hid, *mut c_int) -> c_int;
    H5Pget_fill_value(Hid, Hid, *mut c_void) -> c_int;
    H5Tget_class(Hid) -> c_int;
    H5Tget_size(Hid) -> usize;
    H5Tget_precision(Hid) -> usize;
    H5Tget_order(Hid) -> c_int;
    H5Tget_sign(Hid) -> c_int;
    H5Tget_fields(Hid, *mut usize, *mut usize, *mut usize, *mut usize, *mut usize) -> c_int;
}

/// Hands a filter to every HDF5 of the process: how many took it.
pub fn register(filter: &'static FilterClass) -> usize {
    let takes = |handle: &*mut c_void| {
        let register = caller::symbol(*handle, c"H5Zregister");
        // SAFETY: H5Zregister has this type in every version, and copies what it is given.
        !register.is_null()
            && unsafe {
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const FilterClass) -> c_int>(
                    register,
                )(filter)
            } >= 0
    };
    caller::all().iter().filter(|handle| takes(handle)).count()
}

/// Adds a message to the errors that the calling HDF5 shows.
pub fn push_error(text: &str) {
    let handle = caller::handle();
    let id = |name: &CStr| {
        let at = caller::symbol(handle, name).cast::<Hid>();
        // SAFETY: the symbols below are identifiers of HDF5's, which it has set before it calls a filter.
        if at.is_null() { None } else { Some(unsafe { *at }) }
    };
    let (Some(class), Some(major), Some(minor)) =
        (id(c"H5E_ERR_CLS_g"), id(c"H5E_PLINE_g"), id(c"H5E_CANTFILTER_g"))
    else {
        return;
    };
    type Push = unsafe extern "C" fn(
        Hid,
        *const c_char,
        *const c_char,
        c_uint,
        Hid,
        Hid,
        Hid,
        *const c_char,
        ...
    ) -> c_int;
    let (Ok(push), Ok(text)) = (symbol(handle, c"H5Epush2"), CString::new(format!("baler: {text}"))) else {
        return;
    };
    // SAFETY: H5Epush2 has this type; the text is handed over as one that is printed as it is.
    unsafe {
        let push = std::mem::transmute::<*mut c_void, Push>(push);
        push(0, c"baler".as_ptr(), c"filter".as_ptr(), 0, class, major, minor, c"%s".as_ptr(), text.as_ptr());
    }
}
