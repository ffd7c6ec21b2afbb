# The warnings that all targets of the project are compiled with.
function(numgeom_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
                                            -Woverloaded-virtual -Wzero-as-null-pointer-constant)
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wsuggest-override>
                                           $<$<CXX_COMPILER_ID:Clang>:-Winconsistent-missing-override>)
  # g++ 12 warns of its own AVX-512 intrinsics and of its own strings once they are inlined.
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds -Wno-maybe-uninitialized -Wno-restrict
                                -Wno-stringop-overflow -Wno-stringop-overread>)
  if(NUMGEOM_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
