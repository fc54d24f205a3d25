# What Pricewire sends, verified with independent npm packages: `npm ci` in tests/contract installs them; without
# them the tests skip and say so.
if(PRICEWIRE_TESTS AND NOT PRICEWIRE_SANITIZE)
  file(GLOB contract_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/contract/*_test.cpp)
  add_executable(contract_tests ${contract_sources})
  pricewire_common(contract_tests program)
  target_link_libraries(contract_tests PRIVATE pricewire_options deliver push support GTest::gtest GTest::gtest_main)
  target_compile_definitions(contract_tests PRIVATE PRICEWIRE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  gtest_discover_tests(contract_tests DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120)

  # The API's tests again, in one process, with `prism proxy` between them and the API.
  find_program(NODE node)
  if(NODE)
    add_test(NAME ApiTestsThroughPrism
      COMMAND ${NODE} ${CMAKE_SOURCE_DIR}/tests/contract/with_prism.mjs $<TARGET_FILE:api_tests> --gtest_brief=1)
    add_test(NAME StreamAsDescribed
      COMMAND ${NODE} ${CMAKE_SOURCE_DIR}/tests/contract/stream.mjs ${CMAKE_BINARY_DIR})
    set_tests_properties(ApiTestsThroughPrism StreamAsDescribed
      PROPERTIES TIMEOUT 300 LABELS process SKIP_RETURN_CODE 77)
  endif()
endif()
