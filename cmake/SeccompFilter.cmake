# hoy_generate_seccomp_filter(<target>): makes core/seccomp/default_filters.inc for it, with a program
# that is built and run first.
function(hoy_generate_seccomp_filter target)
  set(output ${CMAKE_BINARY_DIR}/generated/core/seccomp/default_filters.inc)
  add_executable(seccomp_generator
    ${CMAKE_SOURCE_DIR}/cmake/seccomp_generator.cc
    ${CMAKE_SOURCE_DIR}/core/seccomp/capabilities.cc
    ${CMAKE_SOURCE_DIR}/core/seccomp/compile.cc
    ${CMAKE_SOURCE_DIR}/core/seccomp/default_profile.cc
    ${CMAKE_SOURCE_DIR}/core/seccomp/numbers.cc
    ${CMAKE_SOURCE_DIR}/core/base/error.cc
    ${CMAKE_SOURCE_DIR}/core/base/fmt.cc
    ${CMAKE_SOURCE_DIR}/core/base/text.cc)
  target_link_libraries(seccomp_generator PRIVATE hoy_options ${SECCOMP_ARCHIVE})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated/core/seccomp
    COMMAND $<TARGET_FILE:seccomp_generator> > ${output}.new
    COMMAND ${CMAKE_COMMAND} -E rename ${output}.new ${output}
    DEPENDS seccomp_generator
    COMMENT "Compiling the default seccomp profile"
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
