// Sources of the design in compile order, relative to this file: verilator -F hdl/files.f
+incdir+util
csb_pkg.sv
util/csb_ram_1r1w.sv
util/csb_round_sat.sv
util/csb_skid.sv
datapath/csb_token.sv
datapath/csb_delay.sv
datapath/csb_seq.sv
datapath/csb_shift_sat.sv
datapath/csb_act_rom.sv
datapath/csb_act.sv
datapath/csb_reg_bank.sv
datapath/csb_lane.sv
datapath/csb_drain.sv
datapath/csb_element.sv
datapath/csb_writer.sv
datapath/csb_datapath.sv
