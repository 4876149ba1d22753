# SPDX-License-Identifier: Apache-2.0
#
# Each bench/<name>.cc is a Google Benchmark program of its own.
find_package(benchmark REQUIRED)

file(GLOB STILE_BENCH_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.cc)
foreach(source IN LISTS STILE_BENCH_SOURCES)
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} ${source})
  set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
  target_include_directories(bench_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(bench_${name} PRIVATE stile_core stile_flags fmt::fmt Zydis benchmark::benchmark
    benchmark::benchmark_main)
endforeach()

# The peer it is measured against, and the profiles it compiles.
target_compile_definitions(bench_filter_bench PRIVATE STILE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_link_libraries(bench_filter_bench PRIVATE seccomp)
