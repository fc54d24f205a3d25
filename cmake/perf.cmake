# Benchmarks: one program per file in tests/perf, run by tests/perf/run. Built on demand.
if(PRICEWIRE_PERF)
  file(GLOB benches CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/perf/*_bench.cpp)
  foreach(source ${benches})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE pricewire_options alert outbox deliver storage queue bus access price feed net sim fakes
      support test_database SQLiteCpp sqlite3 PkgConfig::PQ PkgConfig::HIREDIS PkgConfig::RABBITMQ)
    target_compile_definitions(${name} PRIVATE PRICEWIRE_BINARY_DIR="${CMAKE_BINARY_DIR}")
    if(name MATCHES "system|stream")
      add_dependencies(${name} pricewire)
    endif()
  endforeach()
endif()
