# Outgoing HTTP against hostile receivers, names and addresses: real sockets, loopback only.
if(PRICEWIRE_TESTS)
  file(GLOB hostile CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/hostile/*_test.cpp)
  add_executable(hostile_tests ${hostile})
  pricewire_common(hostile_tests program)
  target_include_directories(hostile_tests PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(hostile_tests PRIVATE pricewire_options support net GTest::gtest GTest::gtest_main)
  gtest_discover_tests(hostile_tests DISCOVERY_TIMEOUT 60 TEST_PREFIX "hostile." PROPERTIES TIMEOUT 300)
endif()
