# Install rules and the package that find_package(numgeom) reads.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/numgeom)
install(TARGETS numgeom EXPORT numgeom-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS numgeom-cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/numgeom DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT numgeom-targets NAMESPACE numgeom:: DESTINATION ${package_dir})
configure_package_config_file(cmake/numgeom-config.cmake.in
                              ${PROJECT_BINARY_DIR}/numgeom-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/numgeom-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/numgeom-config.cmake
              ${PROJECT_BINARY_DIR}/numgeom-config-version.cmake
              cmake/FindGMP.cmake cmake/FindLibZip.cmake cmake/FindMPFR.cmake
        DESTINATION ${package_dir})
