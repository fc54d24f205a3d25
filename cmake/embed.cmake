# pricewire_embed(<target> <header> <files…>)
# Puts text files into the binary: <header> declares `std::span<const EmbeddedFile> <name>()`, where <name> is the
# header's file name without its extension; it returns each file's name and text, in the order given.
function(pricewire_embed target header)
  get_filename_component(name ${header} NAME_WE)
  get_filename_component(directory ${header} DIRECTORY)
  set(root ${CMAKE_BINARY_DIR}/embedded)
  set(out ${root}/${header})
  set(cpp ${root}/${directory}/${name}.cpp)
  set(entries "")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    get_filename_component(file_name ${file} NAME)
    string(APPEND entries "    {\"${file_name}\", R\"_embed_(${text})_embed_\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${out} CONTENT
"#pragma once

#include <span>
#include <string_view>

namespace pricewire::storage {

#ifndef PRICEWIRE_EMBEDDED_FILE
#define PRICEWIRE_EMBEDDED_FILE
struct EmbeddedFile {
    std::string_view name;
    std::string_view text;
};
#endif

std::span<const EmbeddedFile> ${name}();

}  // namespace pricewire::storage
" @ONLY)
  file(WRITE ${cpp}.new
"#include \"${header}\"

namespace pricewire::storage {

std::span<const EmbeddedFile> ${name}() {
    static constexpr EmbeddedFile files[] = {
${entries}    };
    return files;
}

}  // namespace pricewire::storage
")
  file(COPY_FILE ${cpp}.new ${cpp} ONLY_IF_DIFFERENT)
  # Longer than the limit that the standard guarantees; the compilers have none.
  set_source_files_properties(${cpp} PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
  target_sources(${target} PRIVATE ${cpp})
  target_include_directories(${target} PRIVATE ${root})
endfunction()
