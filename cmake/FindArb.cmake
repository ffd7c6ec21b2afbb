# Finds Arb, as a library of its own or within FLINT 3. Defines the target Arb::Arb.
find_package(MPFR QUIET)
find_path(ARB_INCLUDE_DIR arb_mat.h PATH_SUFFIXES flint)
find_library(ARB_LIBRARY NAMES flint-arb arb flint)
find_library(FLINT_LIBRARY flint)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Arb REQUIRED_VARS ARB_LIBRARY FLINT_LIBRARY ARB_INCLUDE_DIR
                                                    MPFR_FOUND)
if(Arb_FOUND AND NOT TARGET Arb::Arb)
  add_library(Arb::Arb UNKNOWN IMPORTED)
  set_target_properties(Arb::Arb PROPERTIES IMPORTED_LOCATION "${ARB_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${ARB_INCLUDE_DIR}"
                        INTERFACE_LINK_LIBRARIES "${FLINT_LIBRARY};MPFR::MPFR")
endif()
mark_as_advanced(ARB_INCLUDE_DIR ARB_LIBRARY FLINT_LIBRARY)
