rtl/event/event_pkg.sv
rtl/event/event_limit.sv
rtl/event/event_ring.sv
