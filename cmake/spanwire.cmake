# What every target of the project shares: language, warnings, output folders, and the two ways to make a target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

add_compile_definitions(ASIO_STANDALONE ASIO_NO_DEPRECATED ASIO_NO_TS_EXECUTORS)

# spanwire_library(NAME SOURCES... [LINK targets...])
function(spanwire_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_options(${name} PRIVATE -Wall -Wextra -Werror)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

# spanwire_binary(NAME SOURCES... [LINK targets...])
function(spanwire_binary name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${name} PRIVATE -Wall -Wextra -Werror)
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

# spanwire_test(NAME SOURCES... [LINK targets...]): one binary a layer, quick to compile rather than quick to run.
function(spanwire_test name)
  spanwire_binary(${name} ${ARGN})
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_link_libraries(${name} PRIVATE GTest::gmock GTest::gtest_main)
endfunction()
