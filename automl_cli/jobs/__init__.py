"""Does the work of commands that is neither a search nor a training.

measure     counts what a network costs
compare     trains several values of a role, each at its best learning rate over several seeds
descents    compares update rules on analytic problems
transfer    scales the winner of a search to another data set and trains it
validation  checks files beyond their schema
run_checks  checks a run directory against itself
training_checks  checks the directory of a training against itself
export      writes what an artifact holds as files that run by themselves
export_onnx  a trained model as ONNX
export_stablehlo  a trained model as StableHLO, with the date until which it can be read
exported_model  the README and the facts beside a program
network_source  writes a trained network as readable source of Flax or PyTorch
export_expression  writes an activation function or an update rule as source text
export_policy  writes an augmentation as JSON, or as a file for Pillow
predict     names the classes of pictures and arrays by a trained model
augment     writes augmented copies of a folder of pictures
copies_record  the record in a folder of copies: which files are replaced
coco        boxes and polygons of pictures, and of their copies
picture_files  pictures of a folder: found, checked, named, written
loading     gives what an artifact holds to a program in Python
doctor      examines installation and machine
calibration  measures this machine, and keeps its timing table
installation  what the installed package needs, and what of it is here
caches      shows and clears what is kept between runs
"""
