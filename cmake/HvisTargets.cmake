# Every target of the project is made by the helpers below, so that warnings, include root and
# tests are the same everywhere.
add_library(hvis_options INTERFACE)
add_library(hvis::options ALIAS hvis_options)
target_compile_features(hvis_options INTERFACE cxx_std_23)
target_compile_options(hvis_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
    -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wdouble-promotion -Wformat=2
    -Wmissing-declarations -Wswitch-enum -Wsuggest-override -Wundef -Wextra-semi
    $<$<CXX_COMPILER_ID:GNU>:-Wcast-align=strict -Wduplicated-cond -Wduplicated-branches -Wlogical-op>
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Wno-gnu-statement-expression>
    $<$<BOOL:${HVIS_WERROR}>:-Werror>)

# Tests are compiled once for each time they run, or nearly so: unoptimized and instrumented they take two thirds of the
# compiler's time that -O1 takes. What they test keeps its optimization.
set(HVIS_TEST_OPTIONS $<$<CONFIG:Debug>:-O0>)

include(GoogleTest)
if(BUILD_TESTING)
    find_package(GTest REQUIRED)
endif()

# hvis_library(NAME wire SOURCES a.cc PUBLIC hvis::base PRIVATE hvis::x TESTS a_test.cc TEST_LIBS hvis::y)
function(hvis_library)
    cmake_parse_arguments(ARG "" "NAME" "SOURCES;PUBLIC;PRIVATE;TESTS;TEST_LIBS" ${ARGN})
    set(kind STATIC)
    set(scope PUBLIC)
    if(NOT ARG_SOURCES)
        set(kind INTERFACE)
        set(scope INTERFACE)
    endif()
    add_library(hvis_${ARG_NAME} ${kind} ${ARG_SOURCES})
    add_library(hvis::${ARG_NAME} ALIAS hvis_${ARG_NAME})
    target_include_directories(hvis_${ARG_NAME} ${scope} ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(hvis_${ARG_NAME} ${scope} ${ARG_PUBLIC})
    if(kind STREQUAL "STATIC")
        target_link_libraries(hvis_${ARG_NAME} PRIVATE ${ARG_PRIVATE} hvis::options)
    endif()
    if(ARG_TESTS AND BUILD_TESTING AND NOT HVIS_FUZZ)
        add_executable(hvis_${ARG_NAME}_test ${ARG_TESTS})
        target_compile_options(hvis_${ARG_NAME}_test PRIVATE ${HVIS_TEST_OPTIONS})
        target_link_libraries(hvis_${ARG_NAME}_test PRIVATE hvis::${ARG_NAME} ${ARG_TEST_LIBS} hvis::options
                              GTest::gmock GTest::gtest_main)
        gtest_discover_tests(hvis_${ARG_NAME}_test TEST_PREFIX ${ARG_NAME}. PROPERTIES LABELS unit TIMEOUT 120
                             DISCOVERY_TIMEOUT 60)
    endif()
endfunction()

# hvis_fuzzer(NAME ring SOURCES ring_fuzz.cc LIBS hvis::vmbus): built only in the fuzz preset. Its corpus
# is fuzz/corpus/NAME; `./dev fuzz` runs every target that is listed in the global property HVIS_FUZZERS.
function(hvis_fuzzer)
    cmake_parse_arguments(ARG "" "NAME" "SOURCES;LIBS" ${ARGN})
    if(NOT HVIS_FUZZ)
        return()
    endif()
    add_executable(fuzz_${ARG_NAME} ${ARG_SOURCES})
    target_link_libraries(fuzz_${ARG_NAME} PRIVATE ${ARG_LIBS} hvis::options)
    target_link_options(fuzz_${ARG_NAME} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers fuzz_${ARG_NAME})
    set_target_properties(fuzz_${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
