# SPDX-License-Identifier: Apache-2.0
#
# Turns data/*.tsv into constant tables: builds tools/gen_syscalls.cc, runs it, adds the result to a library.
# Include after the library exists:
#     include(syscall_tables)                  adds the tables to stile_core
#     stile_add_syscall_tables(some_target)    adds them to another target with src/ in its include directories
add_executable(stile_gen_syscalls ${CMAKE_CURRENT_LIST_DIR}/../tools/gen_syscalls.cc)
target_compile_features(stile_gen_syscalls PRIVATE cxx_std_20)
# Not stile_flags: it runs at build time on trusted data; fuzzing and sanitizer flags would only slow the build.
target_compile_options(stile_gen_syscalls PRIVATE -Wall -Wextra -Wshadow)

get_filename_component(STILE_DATA_DIR ${CMAKE_CURRENT_LIST_DIR}/../data ABSOLUTE)
set(STILE_SYSCALL_TABLES ${CMAKE_CURRENT_BINARY_DIR}/generated/syscall_tables.cc)
set(STILE_DATA_FILES architectures.tsv syscalls.tsv groups.tsv risk.tsv runtimes.tsv constants.tsv)
list(TRANSFORM STILE_DATA_FILES PREPEND ${STILE_DATA_DIR}/)
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${STILE_SYSCALL_TABLES}
  COMMAND stile_gen_syscalls ${STILE_DATA_DIR} ${STILE_SYSCALL_TABLES}
  DEPENDS stile_gen_syscalls ${STILE_DATA_FILES}
  COMMENT "Compiling data/*.tsv into tables"
  VERBATIM)

function(stile_add_syscall_tables target)
  target_sources(${target} PRIVATE ${STILE_SYSCALL_TABLES})
endfunction()

if(TARGET stile_core)
  stile_add_syscall_tables(stile_core)
endif()
