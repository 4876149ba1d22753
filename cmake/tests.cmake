# SPDX-License-Identifier: Apache-2.0
#
# Each tests/unit/<name>_test.cc is a program of its own, so that one can be built and run without the others:
#     cmake --build build/dev --target profile_test && build/dev/tests/profile_test
find_package(GTest REQUIRED)
include(GoogleTest)

function(stile_add_test source label timeout)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE STILE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    STILE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE stile_cli stile_core stile_flags Zydis GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}/"
    PROPERTIES TIMEOUT ${timeout} LABELS ${label})
endfunction()

file(GLOB STILE_TEST_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/*_test.cc)
foreach(source IN LISTS STILE_TEST_SOURCES)
  stile_add_test(${source} unit 300)
endforeach()
# The oracle for the compiler.
target_link_libraries(libseccomp_test PRIVATE seccomp)

# Those that need a kernel: filters are loaded, commands run under them.
file(GLOB STILE_LIVE_TEST_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/live/*_test.cc)
foreach(source IN LISTS STILE_LIVE_TEST_SOURCES)
  stile_add_test(${source} kernel 600)
endforeach()

add_subdirectory(examples)

# The workflow's script, against a stand-in for GitHub's command.
add_test(NAME example/github-actions COMMAND ${PROJECT_SOURCE_DIR}/examples/github-actions/test)
set_tests_properties(example/github-actions PROPERTIES TIMEOUT 60 ENVIRONMENT "STILE=$<TARGET_FILE:stile>")
