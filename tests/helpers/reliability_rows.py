"""What may go wrong, what is right, and which tests show it: the rows of docs/reliability.md."""

import typing


class Row(typing.NamedTuple):
    """One thing that may go wrong.

    Attributes:
      area: what it happens to.
      fault: what goes wrong.
      right: what should be.
      file: of its tests, below tests/.
      tests: names of the tests; one of a parametrized test stands for all of its cases, unless it
        is followed by the case in brackets.
    """

    area: str
    fault: str
    right: str
    file: str
    tests: tuple[str, ...]


def _rows(area, file, *rows):
    return [
        Row(area, fault, right, file, tuple(names.split(" & "))) for fault, right, names in rows
    ]


_WHOLE = "test_a_damaged_checkpoint_costs_the_steps_since_the_one_before"
_SEAL = "test_a_damaged_seal_costs_no_step"
_LIST = "test_the_folder_is_looked_through_where_the_list_fails"
_LOST = "test_traces_of_training_never_start_at_0"
ROWS = [
    *_rows(
        "a save",
        "checkpoints/test_checkpoints.py",
        (
            "killed before every file operation of a save",
            "the checkpoint before or the new one is whole",
            "test_a_save_may_be_cut_at_every_file_operation",
        ),
        (
            "the first save is cut short",
            "a new run",
            "test_a_first_save_that_was_cut_short_is_a_new_run",
        ),
        (
            "the disk is full",
            "a sentence; the one before is kept",
            "test_a_save_that_fails_keeps_the_one_before",
        ),
        (
            "a limit of file sizes (EFBIG), met by the seal or the list",
            "a sentence; the one before is kept",
            "test_a_limit_of_file_sizes_in_a_save_keeps_the_one_before",
        ),
    ),
    *_rows(
        "a save",
        "training/test_killed_runs.py",
        (
            "kill -9 before every system call on its files, and in the middle of each write",
            "resumed, the run ends to the bit as one never cut",
            "test_a_save_is_killed_at_every_operation",
        ),
    ),
    *_rows(
        "a checkpoint",
        "checkpoints/test_checkpoints.py",
        *(
            (fault, "the one before, loudly; without it a sentence", f"{_WHOLE}[{case}")
            for fault, case in (
                ("a bit of its data flipped", "bit of data"),
                ("a bit of its index flipped", "bit of index"),
                ("its data cut short", "data cut"),
                ("its data empty", "data empty"),
                ("its index empty", "index empty"),
                ("its data missing", "data missing"),
                ("its index missing", "index missing"),
                ("a folder in place of its data", "a folder"),
                ("a pipe in place of its data", "data a pipe"),
                ("a device in place of its index", "index a device"),
            )
        ),
        (
            "went back to an earlier one",
            "the later ones are forgotten",
            "test_a_run_that_went_back_forgets_the_later_ones & "
            "test_restore_goes_back_to_the_whole_one",
        ),
        (
            "of another network, or without the average",
            "a sentence",
            "test_restore_refuses_another_network & test_restore_refuses_a_run_without_average",
        ),
        *(
            (f"its seal {fault}", "read to the end instead; no step is lost", f"{_SEAL}[{case}")
            for fault, case in (
                ("missing", "missing"),
                ("empty", "empty"),
                ("cut short", "cut"),
                ("of another shape", "a list"),
                ("of other types", "of other types"),
                ("no UTF-8", "no UTF-8"),
                ("a folder", "a folder"),
                ("a pipe", "a pipe"),
            )
        ),
        (
            "a bit of its seal flipped, or a seal of an earlier version",
            "read to the end instead; no step is lost",
            "test_a_flipped_bit_of_a_seal_costs_no_step & test_seals_of_earlier_versions_are_taken",
        ),
        (
            "its threshold missing, empty, cut short, flipped, of another shape",
            "said; all joints are drawn",
            "test_a_damaged_threshold_counts_as_none & "
            "test_a_threshold_of_an_earlier_version_is_taken",
        ),
        (
            "quotes, brackets, line breaks, unicode in its folder's name",
            "works",
            "test_names_of_folders_may_be_anything",
        ),
        (
            "may not be read",
            "said, and not called damaged",
            "test_a_checkpoint_without_permission_is_not_called_damaged",
        ),
    ),
    *_rows(
        "checkpoints.json",
        "checkpoints/test_checkpoints.py",
        *(
            (fault, "the folder is looked through, loudly", f"{_LIST}[{case}]")
            for fault, case in (
                ("missing", "missing"),
                ("empty, after a power cut", "empty"),
                ("cut short", "cut"),
                ("an empty object", "an empty object"),
                ("an empty list", "an empty list"),
                ("a number", "a number"),
                ("of other types", "other types"),
                ("names nothing beside checkpoints", "nothing"),
                ("names a checkpoint that is gone", "nowhere"),
                ("latest is outside of the folder", "outside"),
                ("best is outside of the folder", "best outside"),
                ("no UTF-8", "no UTF-8"),
                ("a hundred thousand brackets", "deep"),
                ("of another checksum", "other checksum"),
            )
        ),
        (
            "gone with every index",
            "refused, never step 0",
            "test_list_and_indexes_gone_is_no_new_run",
        ),
    ),
    *_rows(
        "a run directory",
        "training/test_run_folder.py",
        *(
            (fault, "refused without --restart, never step 0", f"{_LOST}[{case}]")
            for fault, case in (
                ("its checkpoints are gone", "checkpoints/ gone"),
                ("the list of no checkpoints is gone", "list gone"),
                ("config.json is gone, nothing was saved", "config.json gone"),
                ("config.json is damaged, nothing was saved", "config.json damaged"),
                ("metrics go beyond the first save", "metrics go beyond a save"),
                ("metrics are zeros", "metrics are no records"),
                ("only TensorBoard's events are left", "only events"),
                ("only results are left", "only results"),
                ("only pieces of checkpoints are left", "only pieces of checkpoints"),
            )
        ),
        (
            "killed before its first save",
            "step 0, said",
            "test_a_run_before_its_first_save_starts_again",
        ),
        (
            "a pipe or a device in place of a file",
            "refused at once",
            "test_what_is_no_regular_file_in_a_run_is_refused_at_once & "
            "test_a_pipe_among_the_events_is_no_trace",
        ),
        (
            "events, eval/ or report.html missing, empty, cut, flipped, of another shape",
            "goes on from its checkpoint; without one refused, or nothing to lose",
            "test_what_a_run_does_not_need_may_be_damaged & "
            "test_without_a_checkpoint_they_are_traces_or_none",
        ),
        (
            "metrics.jsonl empty beside a checkpoint",
            "no step is lost; the checkpoint decides",
            "test_empty_metrics_beside_a_checkpoint_cost_no_step",
        ),
        (
            "the clock set back, files of the future",
            "changes nothing",
            "test_a_clock_that_was_set_back_changes_nothing",
        ),
        (
            "a config.json of something else where a run would begin",
            "refused; the file is kept",
            "test_no_file_of_somebody_else_is_overwritten",
        ),
    ),
    *_rows(
        "a run directory",
        "training/test_metrics_file.py",
        (
            "the disk is full",
            "a sentence; what was saved is whole",
            "test_a_full_disk_is_a_sentence",
        ),
        (
            "room for half a line of metrics.jsonl",
            "it is taken back",
            "test_half_a_line_is_taken_back",
        ),
        (
            "odd lines in metrics.jsonl",
            "left out, the others kept",
            "test_lines_that_are_no_records_are_left_out",
        ),
    ),
    *_rows(
        "a run directory",
        "training/test_run_config.py",
        (
            "other values in config.json",
            "a sentence",
            "test_other_values_in_config_are_a_sentence",
        ),
        (
            "config.json is lost or damaged beside a checkpoint",
            "the checkpoint is asked, said",
            "test_read_run_asks_the_checkpoint_where_config_is_lost",
        ),
    ),
    *_rows(
        "a run directory",
        "training/test_run_place.py",
        (
            "read-only, of somebody else, a file, an address, a path of 4,000 bytes",
            "refused before anything is made",
            "test_check_run_dir_raises",
        ),
    ),
    *_rows(
        "a run directory",
        "training/test_run_lock.py",
        (
            "two trainings",
            "the second is refused until the first is gone",
            "test_a_second_process_is_refused_until_the_first_is_gone & "
            "test_a_file_that_stays_behind_means_nothing",
        ),
        (
            "a file system without locks",
            "said",
            "test_a_file_system_without_locks_is_said",
        ),
        (
            "a lock that is somebody else's file, or a link",
            "refused; the file is kept",
            "test_a_lock_of_somebody_else_is_refused_and_kept & "
            "test_a_link_is_refused_and_not_followed",
        ),
    ),
    *_rows(
        "a training",
        "training/test_stop_requests.py",
        (
            "SIGINT, SIGTERM, SIGHUP, each twice; nohup",
            "the first stops in order, the second at once",
            "test_signals_ask_for_an_orderly_stop",
        ),
    ),
    *_rows(
        "a training",
        "cli/test_terminal.py",
        (
            "SIGINT, SIGTERM, SIGHUP while libraries are imported",
            "it ends at once, without a traceback",
            "test_a_signal_while_libraries_are_imported & "
            "test_ctrl_c_at_twelve_instants_of_a_start",
        ),
    ),
    *_rows(
        "a training",
        "cli/test_train_command.py",
        (
            "SIGINT, SIGTERM, SIGHUP while the report is written",
            "a sentence; the same command writes the rest",
            "test_a_signal_while_the_report_is_written",
        ),
        (
            "a limit of file sizes (EFBIG), met by eval/ and the page",
            "a sentence; the same command writes them",
            "test_a_limit_of_file_sizes_met_by_results",
        ),
        (
            "its reader ends after a line (head -1), on an ASCII terminal",
            "steps, tables and page come all the same",
            "test_a_whole_training_whose_reader_ends_after_a_line",
        ),
    ),
    *_rows(
        "a training",
        "training/test_event_file.py",
        (
            "a limit of file sizes (EFBIG), met by TensorBoard's events; a full disk",
            "said; the run goes on without them",
            "test_a_limit_of_file_sizes_stops_nothing & test_what_cannot_be_written_stops_nothing",
        ),
    ),
    *_rows(
        "a training",
        "training/test_same_run.py",
        (
            "its data converted anew: other seed, more or fewer people, moved joints, shards "
            "exchanged or left out",
            "refused; the same data elsewhere go on",
            "test_a_folder_converted_anew_is_compared & test_check_data_raises",
        ),
    ),
    *_rows(
        "a training",
        "training/test_killed_runs.py",
        (
            "kill -9 at 24 instants",
            "ends to the bit as one never cut",
            "test_a_training_is_killed_at_24_instants",
        ),
    ),
    *_rows(
        "a training",
        "training/test_needed_memory.py",
        (
            "less memory than its weights or a batch take",
            "refused before it is built: what is asked for, how to ask for less",
            "test_a_network_that_no_memory_holds_is_refused & "
            "test_a_batch_that_no_memory_holds_is_refused",
        ),
    ),
    *_rows(
        "a training",
        "training/test_loop.py",
        (
            "stopped by a signal, gone on",
            "ends to the bit as one never cut",
            "test_resumed_run_equals_an_unbroken_one",
        ),
        (
            "a signal while the first step is compiled",
            "the first waits for the step, which is saved; the second does not",
            "test_a_signal_while_the_first_step_is_compiled",
        ),
        (
            "a signal while it is evaluated",
            "ends after the evaluation, saved",
            "test_a_signal_while_it_is_evaluated_ends_it_after_that",
        ),
        (
            "a second signal in a step or in an evaluation",
            "ends at once; goes on from the last save",
            "test_a_second_signal_does_not_wait",
        ),
        (
            "another skeleton",
            "refused, both named",
            "test_another_skeleton_is_refused",
        ),
        (
            "another precision, other replicas",
            "goes on, and says so",
            "test_run_goes_on_with_another_execution",
        ),
        (
            "killed between saves",
            "goes on from the last one",
            "test_killed_run_goes_on_from_the_last_save",
        ),
        (
            "its newest checkpoint is cut short",
            "goes on from the one before, same end to the bit",
            "test_a_damaged_checkpoint_costs_three_steps",
        ),
        (
            "other settings; config.json or metrics.jsonl lost or damaged",
            "the checkpoint decides",
            "test_the_checkpoint_decides_what_is_learned",
        ),
        ("config.json edited", "put right, said", "test_an_edited_config_is_put_right"),
        ("--restart", "what was there is put aside", "test_restart_puts_a_run_aside"),
        (
            "other people in the data folder, or the folder moved",
            "refused; goes on",
            "test_data_that_changed_under_a_run_are_refused",
        ),
        (
            "its data converted anew while it learns from them",
            "it stops; the checkpoints before are kept",
            "test_data_that_change_while_a_run_learns",
        ),
        (
            "twenty resumes in a row",
            "ends to the bit as one never cut",
            "test_twenty_resumes_in_a_row",
        ),
        (
            "a limit of file sizes (EFBIG), met by each of its files",
            "a sentence; without it the same end to the bit",
            "test_a_limit_of_file_sizes_costs_no_step",
        ),
        (
            "a flipped bit in a shard, of validation too",
            "named before the first step",
            "test_a_flipped_bit_in_the_data_is_found_before_the_first_step",
        ),
        (
            "a damaged JPEG in a whole record",
            "shard, record and person named",
            "test_a_damaged_image_is_named",
        ),
        (
            "an evaluation or a drawing fails",
            "costs no step",
            "test_what_fails_in_an_evaluation_costs_no_step & "
            "test_a_drawing_never_stops_a_training",
        ),
    ),
    *_rows(
        "a training",
        "training/test_guarded_step.py",
        (
            "a loss or gradient that is no number",
            "stops with evidence",
            "test_non_finite_loss_stops_with_evidence & "
            "test_a_rate_that_is_too_high_stops_with_evidence & "
            "test_float16_stops_where_no_scale_can_help & "
            "test_people_without_joints_are_named_as_the_cause",
        ),
        (
            "the same with --on_non_finite=skip",
            "the batch leaves no trace, and is counted",
            "test_non_finite_batches_are_left_out_where_that_is_asked_for & "
            "test_skipping_equals_never_having_seen_the_batch & test_skipping_has_an_end",
        ),
    ),
    *_rows(
        "an evaluation",
        "scoring/test_evaluate.py",
        (
            "a flipped bit in a shard, a damaged JPEG in a whole record",
            "shard, record and person named",
            "test_damaged_records_are_named",
        ),
    ),
    *_rows(
        "memory that runs out",
        "cli/test_command_line.py",
        (
            "in any script",
            "a sentence: what was asked for, how to ask for less",
            "test_memory_that_runs_out_is_a_sentence",
        ),
    ),
    *_rows(
        "memory that runs out",
        "cli/test_terminal.py",
        (
            "fewer addresses (ulimit -v) than TensorFlow takes",
            "a sentence before it is loaded",
            "test_too_few_addresses_are_a_sentence",
        ),
    ),
    *_rows(
        "memory that runs out",
        "cli/test_limited.py",
        (
            "aborts, segmentation faults, stacks of libraries under ulimit -v",
            "a sentence alone; signals reach the script, and it ends with its parent",
            "test_a_crash_is_one_sentence & test_signals_reach_the_child_once & "
            "test_no_child_outlives_its_parent",
        ),
    ),
    *_rows(
        "standard streams",
        "cli/test_terminal.py",
        (
            "an ASCII or Latin-1 terminal, for --help of every script",
            "plain characters",
            "test_a_plain_terminal_gets_plain_characters & test_help_on_a_plain_terminal",
        ),
        ("escape sequences in names", "escaped", "test_names_cannot_steer_a_terminal"),
        ("a closed pipe", "silence; the work goes on", "test_a_closed_pipe_is_silence"),
        (
            "a full device",
            "said; exit status 1",
            "test_a_full_device_is_said_once_and_makes_a_success_a_failure",
        ),
        ("closed from the start", "works", "test_a_script_survives_its_streams"),
    ),
    *_rows(
        "a file to write",
        "test_files.py",
        (
            "/dev/null, /dev/stdout, a pipe",
            "written into, not replaced",
            "test_replacing_writes_into_what_is_no_file & "
            "test_replacing_keeps_what_is_printed_before",
        ),
        ("a link", "its file is replaced", "test_replacing_follows_a_link"),
        (
            "a full disk, a failing library",
            "the named file; nothing left behind",
            "test_replacing_names_the_file_on_a_full_disk & "
            "test_replacing_keeps_the_old_file_after_a_failure",
        ),
        ("a name of 254 bytes", "works", "test_replacing_takes_long_names"),
    ),
    *_rows(
        "JSON",
        "test_untrusted.py",
        ("bombs of brackets and digits, no UTF-8", "a sentence", "test_read_json_raises"),
        (
            "a pipe, a device, a socket, a sparse file",
            "refused at once",
            "test_read_json_never_waits_and_never_reads_without_end",
        ),
        ("another shape", "a sentence that names the place", "test_schema_raises"),
        (
            "a file that may not be read",
            "said, with no other advice",
            "test_read_json_without_permission_gives_no_other_advice",
        ),
        (
            "200 MB of values that take 5 GB",
            "refused before they are read",
            "test_read_json_raises_before_values_fill_the_memory & "
            "test_json_memory_is_what_values_take_at_most",
        ),
    ),
    *_rows(
        "a prediction file",
        "prediction_files/test_containers.py",
        (
            "compression bombs (.npz, .mat, .h5), a sparse .npy",
            "refused before they take memory",
            "test_load_arrays_raises_before_a_bomb_goes_off",
        ),
        (
            "claims that nothing backs",
            "refused",
            "test_load_arrays_raises_for_claims_that_nothing_backs",
        ),
        (
            "500 references to one array",
            "refused",
            "test_load_arrays_raises_for_many_references_to_one_array",
        ),
        (
            "one text that stands for many, in lists of any shape",
            "refused before they take memory",
            "test_load_arrays_raises_for_one_text_that_stands_for_many & "
            "test_load_arrays_raises_for_more_texts_than_people & "
            "test_load_arrays_raises_for_long_texts_of_matlab_73",
        ),
        (
            "arrays that lie in other files",
            "never read",
            "test_load_arrays_raises_for_arrays_in_other_files",
        ),
        (
            "cut and forged .mat files",
            "nothing but a sentence",
            "test_load_arrays_raises_for_cut_and_forged_matlab",
        ),
        ("pickles", "never loaded", "test_load_arrays_raises_instead_of_unpickling"),
        (
            "HDF5 chunks that take more than their values, groups without end, NumPy items without "
            "a byte",
            "refused before they take memory or time",
            "test_load_arrays_raises_for_chunks_that_take_more_than_their_values & "
            "test_load_arrays_raises_for_groups_without_end & "
            "test_load_arrays_raises_for_values_without_a_byte",
        ),
        (
            "HDF5 chunks that unpack to gigabytes, texts unpacked again for every read",
            "refused before they take memory; unpacked once",
            "test_load_arrays_raises_for_chunks_that_unpack_to_more & "
            "test_load_arrays_raises_for_texts_in_chunks_of_millions & "
            "test_load_arrays_unpacks_a_chunk_of_texts_once",
        ),
    ),
    *_rows(
        "a prediction file",
        "prediction_files/test_named_joints.py",
        (
            "lists where joints belong, 40 digits",
            "a sentence",
            "test_other_shapes_are_a_sentence & test_file_names_that_are_none_are_a_sentence",
        ),
        (
            "positions of 1e38 and −1e30",
            "refused",
            "test_positions_beyond_every_image_are_refused",
        ),
    ),
    *_rows(
        "an image",
        "data/test_images.py",
        (
            "a pipe, a device, a sparse file of a terabyte",
            "refused at once",
            "test_read_image_raises_for_what_is_no_image_file",
        ),
    ),
    *_rows(
        "an image",
        "data/test_links.py",
        (
            "it or its folder is a link that leads out of the data set, by each reader",
            "refused, or not searched, said; --follow_links",
            "test_an_image_that_is_a_link_out_of_the_folder_is_refused & "
            "test_a_folder_of_images_that_is_a_link_out_of_the_data_set_is_refused & "
            "test_a_folder_that_is_a_link_out_of_the_data_set_is_not_searched",
        ),
    ),
    *_rows(
        "a weights file",
        "checkpoints/test_weights_file.py",
        (
            "a description of 100,000 stages, width 1e9",
            "refused before it is built",
            "test_descriptions_are_checked",
        ),
        (
            "cut, flipped, other arrays, NaN",
            "a sentence",
            "test_damage_is_refused & test_every_array_is_used_and_every_variable_filled",
        ),
        ("pickles", "never loaded", "test_objects_are_never_unpickled"),
        (
            "a damaged member of any compression (deflate, bzip2, LZMA)",
            "a sentence",
            "test_damage_of_any_compression_is_refused",
        ),
    ),
    *_rows(
        "an image",
        "data/test_images.py",
        (
            "EXIF 0 to 9, broken EXIF",
            "upright",
            "test_exif_rotation_is_applied & test_broken_exif_is_ignored & "
            "test_exif_of_no_rotation_is_upright",
        ),
        (
            "bombs of texts and of color profiles",
            "refused or passed over",
            "test_texts_and_profiles_that_unpack_to_much",
        ),
        (
            "64 million pixels, transparent or of 16 bits",
            "little more memory than its pixels",
            "test_memory_is_little_more_than_the_result & test_bands_are_one_image",
        ),
        (
            "CMYK, palette, transparency, 16 bits",
            "read right",
            "test_cmyk_becomes_rgb & test_palette & test_transparent_pixels_show_gray & "
            "test_16_bit_gray_is_stretched_by_its_range",
        ),
        (
            "cut short, or something else under its name",
            "a sentence",
            "test_truncated & test_not_an_image & test_other_formats_are_refused",
        ),
        (
            "more pixels than anybody needs",
            "refused before they are decoded",
            "test_absurd_size_is_refused_before_decoding",
        ),
    ),
    *_rows(
        "annotations",
        "data/test_coco.py",
        (
            "NaN, 1e39, 400 digits, ids twice, other types",
            "a sentence that names the record",
            "test_sentence",
        ),
        (
            "wrong records among right ones",
            "left out and counted, or refused",
            "test_the_others_are_read & test_too_many_are_refused",
        ),
        ("names that leave the folder", "refused", "test_name_that_leaves_the_folder"),
        (
            "3,000 people in one image",
            "time and memory grow with the people, not with their square",
            "test_3000_people_in_one_image & test_work_and_memory_grow_with_the_people",
        ),
    ),
    *_rows(
        "scores of runs that are compared",
        "scoring/test_comparing.py",
        ("of other shapes", "a sentence", "test_scores_of_another_shape_are_a_sentence"),
    ),
    *_rows(
        "an exported network",
        "runtimes/test_opening.py",
        ("a pipe", "refused at once", "test_a_pipe_is_refused_at_once"),
        (
            "that says something else of itself, or too much",
            "a sentence, before its program is loaded",
            "test_damaged_metadata_is_a_sentence & test_a_damaged_configuration_is_a_sentence & "
            "test_foreign_metadata_is_a_sentence & "
            "test_what_an_exported_file_says_of_itself_has_a_limit",
        ),
    ),
    *_rows(
        "comma-separated values",
        "test_untrusted.py",
        (
            "short cells that take forty times their text, rows without an end",
            "refused before they take memory",
            "test_read_csv_counts_about_what_its_readers_take & "
            "test_read_csv_raises_for_endless_rows",
        ),
    ),
    *_rows(
        "a run directory",
        "cli/test_run_check.py",
        (
            "each of its parts missing, damaged or of another shape",
            "bin/describe.py RUN names that part; exit status 1",
            "test_a_damage_is_named & test_other_data_are_named",
        ),
        (
            "its checkpoints are lost, or later steps than the last of them",
            "bin/describe.py RUN calls it a loss; exit status 1",
            "test_lost_checkpoints_are_named & "
            "test_metrics_beyond_a_save_without_a_checkpoint_are_a_loss",
        ),
        (
            "a part that may not be read",
            "a row that says so; the others are checked",
            "test_a_part_without_permission_is_a_row",
        ),
    ),
    *_rows(
        "an image for cpm-lite",
        "test_lite.py",
        ("a pipe, a bomb", "a sentence", "test_an_image_that_is_none_is_a_sentence"),
        (
            "an EPS, PDF, SVG, TIFF, GIF or script named .jpg",
            "a sentence; nothing of it is drawn or run",
            "test_what_is_named_like_an_image_is_none",
        ),
    ),
    *_rows(
        "a network for cpm-lite",
        "test_lite.py",
        ("that says something else of itself", "a sentence", "test_other_metadata_is_a_sentence"),
    ),
    *_rows(
        "standard streams of cpm-lite",
        "test_lite.py",
        (
            "an ASCII terminal, escape sequences in names, a closed pipe, a full device",
            "as for the other programs",
            "test_names_cannot_steer_a_terminal_of_any_encoding & "
            "test_a_closed_pipe_and_a_full_device",
        ),
    ),
    *_rows(
        "a value out of a file",
        "cli/test_command_line.py",
        (
            "of a million characters",
            "cut in the sentence that repeats it",
            "test_a_sentence_that_repeats_a_long_value_is_cut",
        ),
    ),
    *_rows(
        "an input of bin/predict.py",
        "inference/test_one_source.py",
        (
            "a tar, zip, PDF, SVG, EPS, script or page named .jpg",
            "a sentence; nothing of it is drawn or run",
            "test_what_is_named_like_an_image_is_none",
        ),
        (
            "a pipe, a device, a socket named .jpg, .gif, .mp4",
            "refused at once",
            "test_what_is_no_regular_file_is_never_waited_for",
        ),
    ),
    *_rows(
        "an input of bin/predict.py",
        "inference/test_animations.py",
        (
            "a GIF, WebP or animated PNG of 27 million pixels a frame",
            "refused before a frame is decoded",
            "test_animations_of_absurd_size_are_refused",
        ),
        (
            "GIF, WebP, animated PNG, cut short",
            "frames with their times; those that there are",
            "test_animation_is_frames_with_times & test_cut_animation_keeps_its_first_frames",
        ),
    ),
    *_rows(
        "an input of bin/predict.py",
        "inference/test_sources.py",
        (
            "files in a folder that cannot be read",
            "passed over and named",
            "test_folder_in_order_and_what_was_passed_over",
        ),
        (
            "links in a folder that lead out of it",
            "passed over and named; --follow_links",
            "test_links_that_lead_out_of_a_folder_are_passed_over",
        ),
        (
            "links in a circle, in a folder and under a pattern",
            "each folder is searched once",
            "test_links_in_a_circle_end",
        ),
    ),
    *_rows(
        "MPII's annotations",
        "data/test_mpii.py",
        (
            "a .mat file cut short, or of something else",
            "a sentence",
            "test_truncated & test_not_matlab & test_another_file",
        ),
        ("names that leave the folder", "refused", "test_names_that_leave_the_folder"),
    ),
    *_rows(
        "a data folder",
        "data/test_records.py",
        (
            "a shard missing, cut short, changed",
            "refused, with the command that makes it again",
            "test_missing_shard & test_truncated_shard & test_changed_shard",
        ),
        (
            "a manifest of another shape, or with a shard listed twice",
            "refused, with the command that makes it again",
            "test_changed_manifest & test_a_shard_that_is_listed_twice",
        ),
        (
            "a shard that is a link out of the folder",
            "refused",
            "test_a_shard_that_is_a_link_out_of_the_folder",
        ),
        (
            "a manifest whose command is a stranger's",
            "not shown as advice",
            "test_a_command_of_a_stranger_is_not_shown",
        ),
        (
            "a conversion killed",
            "refused until it is made again",
            "test_what_a_kill_leaves_is_refused_and_replaced",
        ),
        ("two conversions at once", "the second is refused", "test_two_at_once"),
        (
            "a full disk, a limit of file sizes in a conversion",
            "an error; the same command goes on",
            "test_a_full_disk_keeps_nothing_of_it & "
            "test_a_limit_of_file_sizes_is_an_error_that_can_be_mended",
        ),
    ),
    *_rows(
        "a weights file",
        "interchange/test_caffemodel.py",
        (
            "a .caffemodel cut short, or damaged at random",
            "nothing but a sentence",
            "test_read_caffemodel_raises_truncated & "
            "test_read_caffemodel_random_damage_never_escapes",
        ),
    ),
    *_rows(
        "a weights file",
        "interchange/test_vgg19.py",
        (
            "VGG-19's with pickles, giant sizes, links",
            "refused",
            "test_read_vgg19_raises_for_pickles & test_read_vgg19_raises_for_sizes & "
            "test_read_vgg19_raises_for_links",
        ),
        ("a pipe in place of VGG-19's", "refused at once", "test_read_vgg19_never_waits"),
    ),
    *_rows(
        "a video",
        "inference/test_video_reader.py",
        (
            "cut short, with broken frames, never finished",
            "the frames that there are, and a word",
            "test_cut_file_gives_the_frames_it_has & test_broken_frames_are_counted",
        ),
    ),
    *_rows(
        "a video",
        "inference/test_video_writer.py",
        (
            "a full disk while one is written",
            "an error that names the file; what was written stays",
            "test_writer_survives_a_full_disk",
        ),
    ),
    *_rows(
        "a video",
        "inference/test_video_files.py",
        (
            "a playlist that names other files or addresses",
            "refused; nothing else is opened",
            "test_playlists_are_refused",
        ),
        (
            "a name that is an address: http:a.mp4",
            "the file itself",
            "test_names_of_videos_are_no_addresses",
        ),
    ),
    *_rows(
        "boxes",
        "inference/test_boxes.py",
        ("of other shapes, a cell of 200 kB", "a sentence", "test_bad_files_are_refused"),
    ),
    *_rows(
        "a list of ids",
        "data/test_id_list.py",
        (
            "a pipe, no text, nobody",
            "refused at once",
            "test_a_pipe_is_refused_at_once & test_refuses",
        ),
    ),
    *_rows(
        "a page",
        "report/test_html.py",
        ("markup in names", "escaped", "test_text_and_attributes_are_escaped_once"),
    ),
    *_rows(
        "a flag",
        "cli/test_flags_out_of_range.py",
        (
            "every flag of every script out of range",
            "a sentence, or legal",
            "test_flags_out_of_range",
        ),
    ),
    *_rows(
        "a flag",
        "cli/test_arguments_out_of_range.py",
        (
            "every flag of bin/minimal.py and cpm-lite out of range",
            "status 2 and a reason",
            "test_minimal & test_lite",
        ),
    ),
    *_rows(
        "an archive of arrays (.npz)",
        "test_fuzz.py",
        (
            "headers that claim terabytes, forged zip entries, no literals",
            "a sentence",
            "test_what_went_wrong_once_is_a_sentence[people- & "
            "test_what_went_wrong_once_is_a_sentence[vgg19-npz-",
        ),
    ),
    *_rows(
        "any foreign file",
        "test_fuzz.py",
        (
            "what the fuzzer found",
            "a sentence within 10 s and 1 GB",
            "test_what_went_wrong_once_is_a_sentence",
        ),
    ),
    *_rows(
        "a file to write",
        "test_output_files.py",
        (
            "is a file to read, or another one to write, by whatever name",
            "a sentence before any work; nothing is lost",
            "test_check_apart",
        ),
        (
            "is a part of a run or of a data folder",
            "refused before any work",
            "test_check_target_raises_for_a_part_of_a_run_or_of_data",
        ),
        (
            "its folder takes no file",
            "a sentence before any work",
            "test_a_folder_that_takes_no_file_is_found_before_the_work & "
            "test_check_target_raises_without_permission",
        ),
    ),
    *_rows(
        "an export",
        "interchange/test_exporting.py",
        (
            "--out is a folder of something else",
            "a sentence; nothing in it is removed",
            "test_a_folder_of_something_else_is_never_replaced & "
            "test_no_export_is_written_over_something_else",
        ),
    ),
    *_rows(
        "a value of the environment",
        "execution/test_devices.py",
        (
            "TF_CONFIG of other types, with ports beyond 65535, nested too deep",
            "a sentence that shows a right one",
            "test_a_wrong_cluster_is_a_sentence",
        ),
    ),
    *_rows(
        "a checkpoint",
        "checkpoints/test_starting.py",
        (
            "weights that are no finite numbers, under a whole seal",
            "refused before a training begins with them",
            "test_weights_that_are_not_finite_are_refused",
        ),
    ),
    *_rows(
        "a checkpoint",
        "inference/test_one_pass.py",
        (
            "weights whose maps are no finite numbers",
            "a sentence, and nobody is said to be found or missing",
            "test_maps_that_are_not_finite_are_a_sentence",
        ),
    ),
    *_rows(
        "a run directory",
        "cli/test_report_command.py",
        (
            "on a read-only disk, to be scored or shown again",
            "a sentence before the work",
            "test_a_run_on_a_read_only_disk_is_said_before_the_work",
        ),
    ),
    *_rows(
        "a file to write",
        "scoring/test_result_files.py",
        (
            "a device that --json names",
            "nothing is written beside it",
            "test_nothing_is_written_beside_a_device",
        ),
    ),
    *_rows(
        "an export",
        "interchange/test_exporting.py",
        (
            "a full disk",
            "the file is named, and the format not blamed",
            "test_a_full_disk_is_no_fault_of_the_format",
        ),
    ),
    *_rows(
        "scenes",
        "data/scenes/test_making.py",
        (
            "--out is the folder whose people they show",
            "refused; nothing is replaced",
            "test_no_folder_is_replaced_by_scenes_of_itself",
        ),
    ),
    *_rows(
        "a program that ends",
        "inference/test_chunks.py",
        (
            "its threads still predict after its last line",
            "they go on",
            "test_threads_of_a_program_go_on_after_its_last_line",
        ),
    ),
    *_rows(
        "boxes",
        "inference/test_boxes.py",
        (
            "around crowds, of COCO's annotations",
            "left out",
            "test_a_box_around_a_crowd_is_nobodys",
        ),
    ),
    *_rows(
        "a training",
        "training/test_loop.py",
        (
            "its data are gone while it learns",
            "it stops, saved, and says how it goes on",
            "test_data_that_are_gone_stop_a_training",
        ),
        (
            "its lock is removed while it learns",
            "taken again at the next save",
            "test_a_lock_that_was_removed_is_taken_again",
        ),
    ),
    *_rows(
        "a training",
        "training/test_metrics_file.py",
        (
            "its folder is moved while it learns",
            "it stops, and says where to put it back",
            "test_a_folder_that_was_moved_needs_no_room",
        ),
    ),
    *_rows(
        "a training",
        "training/test_run_place.py",
        (
            "begun within the checkpoints of another run, or in a folder of data",
            "refused before any work",
            "test_no_run_begins_within_another_or_in_data",
        ),
    ),
    *_rows(
        "a training",
        "training/test_non_finite.py",
        (
            "a loss that is no number before the first step",
            "the weights that it began from are named, and no rate",
            "test_no_rate_is_to_blame_before_the_first_step",
        ),
    ),
    *_rows(
        "a training",
        "training/test_guarded_step.py",
        (
            "ended in its first step",
            "the command that was advised goes on",
            "test_a_run_that_ended_in_its_first_step_goes_on_as_it_advised",
        ),
    ),
    *_rows(
        "a training",
        "cli/test_train_command.py",
        (
            "begun with --restart, and stopped",
            "--restart is not advised",
            "test_a_run_that_was_begun_again_goes_on_without_restart",
        ),
    ),
    *_rows(
        "a training",
        "training/test_step.py",
        (
            "memory that grows with every step",
            "no number is kept",
            "test_update_keeps_no_number",
        ),
    ),
    *_rows(
        "an evaluation",
        "scoring/test_evaluate.py",
        (
            "of weights whose maps are no finite numbers",
            "a sentence, and no score",
            "test_maps_that_are_not_finite_are_no_score",
        ),
        (
            "of two folders with people of the same ids",
            "told apart",
            "test_people_of_one_id_in_two_folders_are_told_apart",
        ),
        (
            "of a folder that is named twice",
            "counted once",
            "test_a_folder_that_is_named_twice_counts_once",
        ),
    ),
    *_rows(
        "an evaluation",
        "cli/test_report_command.py",
        (
            "of other data",
            "never replaces the scores of the run",
            "test_scores_of_other_data_never_replace_those_of_the_run",
        ),
    ),
    *_rows(
        "a file to write",
        "cli/test_output_flags.py",
        (
            "numbers and joints of an evaluation under one name",
            "refused before the work",
            "test_the_numbers_of_an_evaluation_are_not_replaced_by_its_joints",
        ),
    ),
    *_rows(
        "a file to write",
        "inference/test_writers.py",
        (
            "a full disk",
            "whole lines stay, and the file is named",
            "test_where_no_byte_fits_any_more_the_last_line_is_whole",
        ),
    ),
    *_rows(
        "an image for cpm-lite",
        "test_lite.py",
        (
            "that --out or --json would replace, or a box beyond it",
            "refused",
            "test_nothing_is_lost_and_no_place_invented",
        ),
    ),
    *_rows(
        "any script",
        "cli/test_command_line.py",
        (
            "the current folder is gone",
            "a sentence",
            "test_a_current_folder_that_is_gone_is_a_sentence",
        ),
    ),
]


def name_of(test):
    """A test's function, without its case."""
    return test.partition("[")[0]
