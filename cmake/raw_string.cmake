# Turns a text file into a C++ raw string literal: cmake -DINPUT=… -DOUTPUT=… -P raw_string.cmake
file(READ ${INPUT} text)
file(WRITE ${OUTPUT} "R\"raw(${text})raw\"\n")
