# SPDX-License-Identifier: Apache-2.0
#
# Each fuzz/<name>.cc defines LLVMFuzzerTestOneInput and becomes build/fuzz/fuzz/fuzz_<name>.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "STILE_FUZZ needs clang: cmake --preset fuzz")
endif()

file(GLOB STILE_FUZZ_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/*.cc)
foreach(source IN LISTS STILE_FUZZ_SOURCES)
  get_filename_component(name ${source} NAME_WE)
  add_executable(fuzz_${name} ${source})
  set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
  target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(fuzz_${name} PRIVATE stile_core stile_flags fmt::fmt Zydis)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endforeach()
