# openapi.yaml is embedded into the api room, as JSON and as HTML.
add_executable(openapi-embed ${CMAKE_SOURCE_DIR}/cmake/tools/openapi_main.cpp)
target_link_libraries(openapi-embed PRIVATE pricewire_options base yaml-cpp)
set(embedded ${CMAKE_BINARY_DIR}/generated/openapi_embedded.cpp)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${embedded}
  COMMAND openapi-embed ${CMAKE_SOURCE_DIR}/openapi.yaml ${embedded}
  DEPENDS openapi-embed ${CMAKE_SOURCE_DIR}/openapi.yaml
  COMMENT "Embedding openapi.yaml")
target_sources(api PRIVATE ${embedded})
