# Turns a text file into C++: a raw string literal and the text's SHA-1, separated by a comma.
#   cmake -DINPUT=… -DOUTPUT=… -P raw_string.cmake
file(READ ${INPUT} text)
file(SHA1 ${INPUT} sha1)
file(WRITE ${OUTPUT} "R\"raw(${text})raw\", \"${sha1}\"\n")
