# What every implementation of an interface guarantees: one suite per interface, run on all its implementations.
if(PRICEWIRE_TESTS)
  file(GLOB conformance CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/conformance/*.cpp)
  add_executable(conformance_tests ${conformance})
  pricewire_common(conformance_tests program)
  target_link_libraries(conformance_tests
    PRIVATE pricewire_options storage catcher bus access queue redis fakes support test_database SQLiteCpp sqlite3 PkgConfig::RABBITMQ
      GTest::gtest GTest::gtest_main)
  gtest_discover_tests(conformance_tests DISCOVERY_TIMEOUT 60 TEST_PREFIX "conformance." PROPERTIES TIMEOUT 300)
endif()
