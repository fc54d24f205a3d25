# Processes of all roles on real servers, killed and cut off from one another.
if(PRICEWIRE_TESTS AND NOT PRICEWIRE_SANITIZE)
  file(GLOB cluster CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/cluster/*.cpp)
  add_executable(kill_tests ${cluster})
  pricewire_common(kill_tests program)
  target_include_directories(kill_tests PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(kill_tests PRIVATE pricewire_options support sim GTest::gtest GTest::gtest_main)
  add_dependencies(kill_tests pricewire exchange-sim webhook-receiver)
  gtest_discover_tests(kill_tests DISCOVERY_TIMEOUT 60 TEST_PREFIX "kills."
    PROPERTIES TIMEOUT 7200 LABELS process)
endif()
