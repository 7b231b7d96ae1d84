# Turns files into C++, for a table of served files.
#
# Included: spanwire_embed(OUTPUT file FOLDER folder [PREFIX /path] FILES names...) adds the command that writes `file`.
# As a script: cmake -DOUTPUT=… -DFOLDER=… -DPREFIX=… -DFILES=a|b -P embed.cmake writes one line of braces a file: path,
# content type, content, entity tag. The path is the name behind the prefix. A raw string costs the compiler least; one
# literal must stay below 64 KiB, which no file of ours is near.

function(spanwire_embed)
  cmake_parse_arguments(ARG "" "OUTPUT;FOLDER;PREFIX" "FILES" ${ARGN})
  list(TRANSFORM ARG_FILES PREPEND ${ARG_FOLDER}/ OUTPUT_VARIABLE inputs)
  list(JOIN ARG_FILES "|" names)
  add_custom_command(
    OUTPUT ${ARG_OUTPUT}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${ARG_OUTPUT} -DFOLDER=${ARG_FOLDER} -DPREFIX=${ARG_PREFIX} "-DFILES=${names}"
            -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

string(REPLACE "|" ";" names "${FILES}")
set(out "")
foreach(name IN LISTS names)
  file(READ ${FOLDER}/${name} content)
  file(SHA256 ${FOLDER}/${name} hash)
  string(SUBSTRING ${hash} 0 32 hash)
  string(REGEX REPLACE "^.*\\." "" extension ${name})
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "embed.cmake: no content type for ${name}")
  endif()
  set(path ${PREFIX}/${name})
  if(name STREQUAL "index.html")
    set(path /)
  endif()
  string(APPEND out
    "{Text(\"${path}\"), Text(\"${type_${extension}}\"), Text(R\"spw(${content})spw\"), Text(\"\\\"${hash}\\\"\")},\n")
endforeach()
file(WRITE ${OUTPUT} "${out}")
