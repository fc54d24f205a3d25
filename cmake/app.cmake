# The program: the one place where implementations are picked.
pricewire_room(app
  ROOMS catcher feed price alert outbox webhook push deliver api storage secrets metrics bus access queue redis history past directory watch recover cluster net ops domain base
  TEST_ROOMS fakes support sim test_database)
add_executable(pricewire ${CMAKE_SOURCE_DIR}/src/app/main.cpp)
target_link_libraries(pricewire PRIVATE pricewire_options app)
