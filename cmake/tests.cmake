# SPDX-License-Identifier: Apache-2.0
#
# Each tests/unit/<name>_test.cc is a program of its own, so that one can be built and run without the others:
#     cmake --build build/dev --target profile_test && build/dev/tests/profile_test
find_package(GTest REQUIRED)
include(GoogleTest)

file(GLOB STILE_TEST_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/*_test.cc)
foreach(source IN LISTS STILE_TEST_SOURCES)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE STILE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    STILE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE stile_cli stile_core stile_flags Zydis GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}/" PROPERTIES TIMEOUT 120)
endforeach()
