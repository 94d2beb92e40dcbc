# What is installed where, and the Debian packages: `cpack -G DEB` in a build folder.
include(GNUInstallDirs)

install(FILES packaging/systemd/hvisd.service packaging/systemd/hvisd.socket packaging/systemd/hvis-guests.service
        DESTINATION lib/systemd/system)
install(FILES packaging/systemd/hvis.sysusers DESTINATION lib/sysusers.d RENAME hvis.conf)
install(FILES packaging/systemd/hvis.tmpfiles DESTINATION lib/tmpfiles.d RENAME hvis.conf)
# A conffile of the package. An installation by hand leaves alone what an administrator has changed.
install(CODE "
    if(NOT EXISTS \"\$ENV{DESTDIR}/etc/hvis/hvisd.toml\")
        file(INSTALL \"${PROJECT_SOURCE_DIR}/docs/hvisd.toml\" DESTINATION /etc/hvis)
    endif()")
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/hvis-doc COMPONENT hvis-doc
        FILES_MATCHING PATTERN "*.md" PATTERN "*.json" PATTERN "*.toml" PATTERN "*.yaml")

# Manual pages: docs/NAME.SECTION.scd.
find_program(SCDOC scdoc)
file(GLOB manual_sources CONFIGURE_DEPENDS docs/*.scd)
if(SCDOC)
    foreach(source ${manual_sources})
        cmake_path(GET source STEM LAST_ONLY page)
        string(REGEX MATCH "[0-9]$" section ${page})
        add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/man/${page} DEPENDS ${source}
            COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
            COMMAND ${SCDOC} < ${source} > ${CMAKE_BINARY_DIR}/man/${page} VERBATIM)
        list(APPEND manual_pages ${CMAKE_BINARY_DIR}/man/${page})
        install(FILES ${CMAKE_BINARY_DIR}/man/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endforeach()
    add_custom_target(manuals ALL DEPENDS ${manual_pages})
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME hvis)
set(CPACK_PACKAGE_CONTACT "The hvis authors <hvis@example.org>")
set(CPACK_PACKAGE_VENDOR hvis)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL hvis hvis-doc)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_HVIS_PACKAGE_NAME hvis)
set(CPACK_DEBIAN_HVIS_DESCRIPTION "Hyper-V Integration Services for KVM: manager, worker and command line
 Runs guests that were made for Hyper-V or Azure on Linux/KVM, unmodified and fully managed: heartbeat,
 clean shutdown, time synchronization and key/value exchange over VMBus.")
set(CPACK_DEBIAN_HVIS_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_HVIS_PACKAGE_RECOMMENDS "dbus-user-session, libpam-systemd")
set(CPACK_DEBIAN_HVIS_PACKAGE_CONTROL_EXTRA
    "${PROJECT_SOURCE_DIR}/packaging/debian/postinst;${PROJECT_SOURCE_DIR}/packaging/debian/prerm;${PROJECT_SOURCE_DIR}/packaging/debian/postrm;${PROJECT_SOURCE_DIR}/packaging/debian/conffiles")
set(CPACK_DEBIAN_HVIS_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_HVIS-DOC_PACKAGE_NAME hvis-doc)
set(CPACK_DEBIAN_HVIS-DOC_PACKAGE_SECTION doc)
set(CPACK_DEBIAN_HVIS-DOC_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_HVIS-DOC_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_HVIS-DOC_DESCRIPTION "Hyper-V Integration Services for KVM: documentation")
include(CPack)
