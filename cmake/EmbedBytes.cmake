# Writes INPUT's bytes as the C++ header OUTPUT: `inline constexpr std::array NAME` in hvis::NAMESPACE.
# cmake -DINPUT=f -DOUTPUT=g -DNAME=kDsdt -DNAMESPACE=vm -P EmbedBytes.cmake
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "#pragma once\n\n#include <array>\n#include <cstdint>\n\nnamespace hvis::${NAMESPACE} {\n\n"
    "inline constexpr std::array<uint8_t, ${size}> ${NAME} = {${bytes}};\n\n}\n")
