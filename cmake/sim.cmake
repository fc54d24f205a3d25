# The exchange simulator and the webhook receiver: a library for tests, and a program each.
pricewire_room(sim DIR ${CMAKE_SOURCE_DIR}/sim ROOMS domain base net PRIVATE_LIBS Boost::json ZLIB::ZLIB TEST_ROOMS feed)

foreach(program exchange-sim webhook-receiver)
  string(REPLACE - _ source ${program})
  if(EXISTS ${CMAKE_SOURCE_DIR}/sim/${source}_main.cpp)
    add_executable(${program} ${CMAKE_SOURCE_DIR}/sim/${source}_main.cpp)
    target_link_libraries(${program} PRIVATE pricewire_options sim net CLI11::CLI11)
  endif()
endforeach()
