# SPDX-License-Identifier: Apache-2.0
#
# stile_harden(TARGET [PROFILE FILE] [ON_FAILURE refuse|run] [DEFAULT_ACTION ACTION] [ALLOW NAME...] [DROP NAME...] [STRICT])
#
# Puts a system call filter into the executable TARGET each time it is linked (see stile embed --help), made by an analysis of the program or
# from PROFILE. STRICT: fail the build if the analysis has gaps. The command `stile` is looked for in PATH; STILE_EXECUTABLE names another.
#
# In a project that uses it:
#     find_package(stile REQUIRED)
#     include(StileHarden)          # find_package(stile) puts it on the module path
#     add_executable(app main.c)
#     stile_harden(app)
#
# CMake edits the run path of what it installs in place, which keeps the filter; `cmake --install --strip` keeps it too.
include_guard(GLOBAL)

if(TARGET stile)
  set(STILE_EXECUTABLE $<TARGET_FILE:stile>)
else()
  find_program(STILE_EXECUTABLE stile DOC "the command that embeds filters")
endif()

function(stile_harden target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "STRICT" "PROFILE;ON_FAILURE;DEFAULT_ACTION" "ALLOW;DROP")
  if(arg_UNPARSED_ARGUMENTS OR arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "stile_harden(${target}): cannot make sense of ${arg_UNPARSED_ARGUMENTS} ${arg_KEYWORDS_MISSING_VALUES}")
  endif()
  if(NOT TARGET ${target})
    message(FATAL_ERROR "stile_harden: ${target} is no target")
  endif()
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL "EXECUTABLE")
    message(FATAL_ERROR "stile_harden(${target}): only an executable can confine itself")
  endif()
  if(NOT STILE_EXECUTABLE)
    # A program that was to be hardened must not be built without.
    message(FATAL_ERROR "stile_harden(${target}): the command stile was not found; name it with -DSTILE_EXECUTABLE=FILE")
  endif()
  set(words)
  if(arg_PROFILE)
    get_filename_component(profile "${arg_PROFILE}" ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    list(APPEND words --profile ${profile})
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${profile})
  endif()
  if(arg_ON_FAILURE)
    list(APPEND words --on-failure ${arg_ON_FAILURE})
  endif()
  if(arg_DEFAULT_ACTION)
    list(APPEND words --default-action ${arg_DEFAULT_ACTION})
  endif()
  foreach(name IN LISTS arg_ALLOW)
    list(APPEND words --allow ${name})
  endforeach()
  foreach(name IN LISTS arg_DROP)
    list(APPEND words --drop ${name})
  endforeach()
  if(arg_STRICT)
    list(APPEND words --strict)
  endif()
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${STILE_EXECUTABLE} embed ${words} $<TARGET_FILE:${target}>
    COMMENT "Embedding a system call filter into ${target}" VERBATIM)
endfunction()
