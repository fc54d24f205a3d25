# pricewire_embed_folder(<target> <function> <folder>)
# Puts a folder of built files into the binary, gzipped: `std::span<const StaticFile> pricewire::api::<function>()`,
# declared where it is served. If the folder does not exist, the table is empty, and the next build looks again.
if(NOT TARGET embed-folder)
  add_executable(embed-folder ${CMAKE_SOURCE_DIR}/cmake/tools/embed_folder_main.cpp)
  target_link_libraries(embed-folder PRIVATE pricewire_options base ZLIB::ZLIB)
endif()
function(pricewire_embed_folder target function folder)
  set(out ${CMAKE_BINARY_DIR}/generated/${function}.cpp)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
  add_custom_command(OUTPUT ${out}
    COMMAND embed-folder ${folder} ${function} ${out} ${out}.d
    DEPENDS embed-folder
    DEPFILE ${out}.d
    COMMENT "Embedding ${folder}")
  set_source_files_properties(${out} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${target} PRIVATE ${out})
endfunction()

pricewire_embed_folder(api embedded_page ${CMAKE_SOURCE_DIR}/web/dist)
pricewire_embed_folder(api embedded_reference ${CMAKE_SOURCE_DIR}/web/docs/dist)
if(TARGET api_tests)
  pricewire_embed_folder(api_tests embedded_test_site ${CMAKE_SOURCE_DIR}/src/api/testdata/site)
  pricewire_embed_folder(api_tests embedded_nothing ${CMAKE_SOURCE_DIR}/src/api/testdata/not-there)
endif()
