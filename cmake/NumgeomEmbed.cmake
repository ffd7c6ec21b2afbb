# numgeom_embed_texts(TARGET NAME FILES…): a source file that defines, in namespace numgeom::embedded,
#   extern const std::map<std::string, std::string_view> NAME;
# the texts of the files by their names without directory and extension.
function(numgeom_embed_texts target name)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  set(entries "")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    cmake_path(GET file STEM stem)
    string(APPEND entries "    {\"${stem}\", R\"numgeom(${text})numgeom\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"#include <map>
#include <string>
#include <string_view>

namespace numgeom::embedded {

extern const std::map<std::string, std::string_view> @name@;
const std::map<std::string, std::string_view> @name@ = {
@entries@};

}  // namespace numgeom::embedded
")
  target_sources(${target} PRIVATE ${source})
endfunction()
