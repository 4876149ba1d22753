# SPDX-License-Identifier: Apache-2.0
#
# cmake --install build/release installs all of it; --component command or development one half. cpack makes a .deb of each.
include(CMakePackageConfigHelpers)
set(made ${PROJECT_BINARY_DIR}/packaging)
file(MAKE_DIRECTORY ${made})

# The man page and the completions come from the same declarations as the parser.
set(generated)
foreach(pair man:stile.1 bash:stile zsh:_stile fish:stile.fish)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 kind)
  list(GET pair 1 file)
  file(MAKE_DIRECTORY ${made}/${kind})
  add_custom_command(OUTPUT ${made}/${kind}/${file}
    COMMAND stile --generate ${kind} > ${made}/${kind}/${file}
    DEPENDS stile VERBATIM)
  list(APPEND generated ${made}/${kind}/${file})
endforeach()
add_custom_target(stile_documents ALL DEPENDS ${generated})

# The command.
install(TARGETS stile RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
install(FILES ${made}/man/stile.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command)
install(FILES ${made}/bash/stile DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT command)
install(FILES ${made}/zsh/_stile DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT command)
install(FILES ${made}/fish/stile.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT command)
foreach(document README.md CHANGELOG.md SECURITY.md)
  install(FILES ${PROJECT_SOURCE_DIR}/${document} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/stile COMPONENT command OPTIONAL)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/packaging/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/stile COMPONENT command)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/stile COMPONENT command
  FILES_MATCHING PATTERN "*.md")

# The library, for other programs.
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/stile)
install(TARGETS stile_core EXPORT stile-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/stile DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
  FILES_MATCHING PATTERN "*.h")
install(EXPORT stile-targets NAMESPACE stile:: DESTINATION ${config_dir} COMPONENT development)
configure_package_config_file(${PROJECT_SOURCE_DIR}/packaging/stile-config.cmake.in ${made}/stile-config.cmake
  INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${made}/stile-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${made}/stile-config.cmake ${made}/stile-config-version.cmake ${PROJECT_SOURCE_DIR}/cmake/StileHarden.cmake
  DESTINATION ${config_dir} COMPONENT development)
# From the file's own place, so that a tree can be moved.
file(RELATIVE_PATH STILE_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" STILE_PC_TO_PREFIX "${STILE_PC_TO_PREFIX}")
configure_file(${PROJECT_SOURCE_DIR}/packaging/stile.pc.in ${made}/stile.pc @ONLY)
install(FILES ${made}/stile.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/packaging/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libstile-dev COMPONENT development)

# Debian packages.
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL command development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The stile authors <stile@stile.invalid>")
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME stile)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_COMMAND_DESCRIPTION
  "stile works out by static analysis which Linux system calls a compiled program\ncan make, and writes a seccomp profile for container runtimes, with evidence.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libstile-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libzydis-dev, libfmt-dev, libexpected-dev, libbpf-dev, libyaml-dev, zlib1g-dev, libarchive-dev, libzstd-dev, nettle-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
  "Static library and headers; the command is in the package stile.")
include(CPack)
