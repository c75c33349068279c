! A velocity field of a flow solver to bytes and back by ISO_C_BINDING; stops with 1 if a value is outside its bound.
! Fortran's first index is the fastest, C's the last: the extents are handed over in reverse order, the values as they are.
module baler
  use, intrinsic :: iso_c_binding
  implicit none

  integer(c_int32_t), parameter :: baler_ok = 0, baler_rel = 2, baler_float64 = 11

  type, bind(c) :: baler_options
    real(c_double) :: bound = 0, range = 0, missing = 0
    integer(c_int32_t) :: kind = 0, has_missing = 0, level = 0, n_threads = 0
  end type

  interface
    integer(c_size_t) function baler_max_bytes(dtype, n_axes, shape) bind(c)
      import
      integer(c_int32_t), value :: dtype, n_axes
      integer(c_size_t), intent(in) :: shape(*)
    end function
    integer(c_int32_t) function baler_compress(values, dtype, n_axes, shape, options, out, room, n_bytes) bind(c)
      import
      real(c_double), intent(in) :: values(*)
      integer(c_int32_t), value :: dtype, n_axes
      integer(c_size_t), intent(in) :: shape(*)
      type(baler_options), intent(in) :: options
      integer(c_int8_t), intent(out) :: out(*)
      integer(c_size_t), value :: room
      integer(c_size_t), intent(out) :: n_bytes
    end function
    integer(c_int32_t) function baler_decompress(bytes, n_bytes, out, out_bytes, n_threads) bind(c)
      import
      integer(c_int8_t), intent(in) :: bytes(*)
      integer(c_size_t), value :: n_bytes, out_bytes
      real(c_double), intent(out) :: out(*)
      integer(c_int32_t), value :: n_threads
    end function
  end interface
end module

program flow
  use baler
  implicit none
  integer, parameter :: nx = 64, ny = 48, nz = 16
  real(c_double) :: u(nx, ny, nz), back(nx, ny, nz), bound
  integer(c_size_t) :: extents(3), room, n_bytes
  integer(c_int8_t), allocatable :: bytes(:)
  integer :: i, j, k

  do concurrent (i = 1:nx, j = 1:ny, k = 1:nz)
    u(i, j, k) = sin(0.1d0 * i) * cos(0.07d0 * j) * exp(-0.05d0 * k)
  end do

  extents = [nz, ny, nx]
  room = baler_max_bytes(baler_float64, 3, extents)
  allocate (bytes(room))
  if (baler_compress(u, baler_float64, 3, extents, baler_options(kind=baler_rel, bound=1d-4), bytes, room, n_bytes) &
      /= baler_ok) error stop 'compress'
  if (baler_decompress(bytes, n_bytes, back, int(size(u) * 8, c_size_t), 1) /= baler_ok) error stop 'decompress'

  bound = 1d-4 * (maxval(u) - minval(u))
  if (.not. maxval(abs(back - u)) <= bound) error stop 'a value is outside its bound'
  print '(a, i0, a, i0)', 'Fortran: ', size(u) * 8, ' bytes became ', n_bytes
end program
