# Tests that start the real programs (label "process"): one executable a file in tests/scenarios.
if(PRICEWIRE_TESTS AND TARGET pricewire)
  pricewire_room(support DIR ${CMAKE_SOURCE_DIR}/tests/support ROOMS base net)
  target_compile_definitions(support PUBLIC
    PRICEWIRE_BINARY_DIR="${CMAKE_BINARY_DIR}" PRICEWIRE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  file(GLOB scenarios CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/scenarios/*_test.cpp)
  foreach(source ${scenarios})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE pricewire_options support sim storage GTest::gtest GTest::gtest_main)
    add_dependencies(${name} pricewire exchange-sim webhook-receiver)
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 TEST_PREFIX "scenario." PROPERTIES TIMEOUT 1500 LABELS process)
  endforeach()
endif()
