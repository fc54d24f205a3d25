# A room is one folder under src/ and one static library. Each room is seen through an include root of its
# own (build/rooms/<room>/<room> -> src/<room>), so `#include "alert/matcher.hpp"` resolves only in a room
# that lists `alert` among its ROOMS: an include against the flow fails the build.
#
# pricewire_room(<name> [DIR dir] [ROOMS room...] [LIBS lib...] [PRIVATE_LIBS lib...] [TEST_ROOMS room...])
#   sources      every .cpp below the folder, apart from tests
#   <name>_tests every *_test.cpp below the folder (when PRICEWIRE_TESTS), one executable
#
# In a sanitizer's report the lines of what is tested are enough: those of the tests take a tenth of their compilation.
if(PRICEWIRE_SANITIZE)
  set(test_options -g0)
endif()
# Tests are not optimized: optimizing them is a third of the time it takes to compile them.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(test_options -O0)
endif()
# But for those that run for much longer than they compile: plain references on very many random cases.
set(optimized_tests run_reference_test.cpp engine_reference_test.cpp)
# What nearly every file includes is parsed once per build for libraries and once for tests, whose options differ:
# this halves the time of a build from nothing.
if(PRICEWIRE_PCH)
  set(common <algorithm> <atomic> <chrono> <cstdint> <expected> <functional> <map> <memory> <mutex> <optional> <set>
    <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch/library.cpp CONTENT "")
  add_library(pch_library STATIC ${CMAKE_BINARY_DIR}/pch/library.cpp)
  target_precompile_headers(pch_library PRIVATE ${common})
  target_link_libraries(pch_library PRIVATE pricewire_options fmt::fmt)
  if(PRICEWIRE_TESTS)
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch/program.cpp CONTENT "int main() {}\n")
    add_executable(pch_program ${CMAKE_BINARY_DIR}/pch/program.cpp)
    target_compile_options(pch_program PRIVATE ${test_options})
    target_precompile_headers(pch_program PRIVATE ${common} <gtest/gtest.h>)
    target_link_libraries(pch_program PRIVATE pricewire_options fmt::fmt GTest::gtest)
  endif()
endif()

# Targets whose files cannot be compiled in one piece (PRICEWIRE_UNITY): parts of support need GoogleTest, and not all who
# use it have that.
set(no_unity support)
# Rooms of which each folder is a piece of its own: each has names for the same things.
set(pieces_by_folder storage)

# pricewire_common(<target> <library|program>): how libraries, and how tests are compiled.
function(pricewire_common target kind)
  if(PRICEWIRE_UNITY AND NOT target IN_LIST no_unity)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
  if(kind STREQUAL program)
    target_compile_options(${target} PRIVATE ${test_options})
  endif()
  if(PRICEWIRE_PCH)
    target_precompile_headers(${target} REUSE_FROM pch_${kind})
  endif()
endfunction()

# Rooms without threads: the thread sanitizer does not run their tests. scripts/check-rules checks the list.
set(rooms_without_threads domain rule webhook push)
# Rooms of cores with a thread around them: of their tests it runs those that start one.
set(rooms_of_cores alert deliver feed past price recover)
# Programs that tests need, not Pricewire's: no sanitizer runs their tests.
set(rooms_of_tools sim support)

function(pricewire_room name)
  cmake_parse_arguments(ROOM "" "DIR" "ROOMS;LIBS;PRIVATE_LIBS;TEST_ROOMS" ${ARGN})
  if(NOT ROOM_DIR)
    set(ROOM_DIR ${CMAKE_SOURCE_DIR}/src/${name})
  endif()
  set(root ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${ROOM_DIR} ${root}/${name} SYMBOLIC)

  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${ROOM_DIR}/*.cpp)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "(_test|/main|_main)\\.cpp$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  if(sources)
    add_library(${name} STATIC ${sources})
    pricewire_common(${name} library)
    if(name IN_LIST pieces_by_folder)
      set_target_properties(${name} PROPERTIES UNITY_BUILD_MODE GROUP)
      foreach(source ${sources})
        get_filename_component(folder ${source} DIRECTORY)
        get_filename_component(folder ${folder} NAME)
        set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder})
      endforeach()
    endif()
    set(scope PUBLIC)
    target_link_libraries(${name} PRIVATE pricewire_options ${ROOM_PRIVATE_LIBS})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${root})
  target_link_libraries(${name} ${scope} ${ROOM_ROOMS} ${ROOM_LIBS})

  if(PRICEWIRE_SANITIZE AND name IN_LIST rooms_of_tools)
    set(tests "")
  endif()
  if(PRICEWIRE_SANITIZE STREQUAL "thread")
    if(name IN_LIST rooms_without_threads)
      set(tests "")
    elseif(name IN_LIST rooms_of_cores)
      foreach(test ${tests})
        file(STRINGS ${test} starts_a_thread REGEX "std::j?thread|start_[a-z_]+\\(" LIMIT_COUNT 1)
        if(NOT starts_a_thread)
          list(REMOVE_ITEM tests ${test})
        endif()
      endforeach()
    endif()
  endif()
  if(PRICEWIRE_TESTS AND tests)
    if(CMAKE_BUILD_TYPE STREQUAL "Release")
      foreach(test ${tests})
        get_filename_component(file ${test} NAME)
        if(file IN_LIST optimized_tests)
          # Alone, since what is compiled together and its precompiled header are not optimized.
          set_source_files_properties(${test} PROPERTIES COMPILE_OPTIONS -O2 SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
        endif()
      endforeach()
    endif()
    add_executable(${name}_tests ${tests})
    pricewire_common(${name}_tests program)
    target_link_libraries(${name}_tests
      PRIVATE pricewire_options ${name} ${ROOM_TEST_ROOMS} ${ROOM_PRIVATE_LIBS} GTest::gtest GTest::gtest_main rapidcheck)
    target_compile_definitions(${name}_tests PRIVATE PRICEWIRE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    gtest_discover_tests(${name}_tests DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
  endif()
endfunction()
