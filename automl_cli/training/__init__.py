"""Train one network to the end and test it once: `automl train`.

flags       the rows of all flags of the command
request     what was asked
trainable   what is trained, by the flag that names it
settings    from what was asked to the resolved settings
directory   the directory of a training, new or interrupted
asked       flags over a file of flags, or over a recorded training
anew        a recorded training that is done anew, or said by flags
plan        what a training would do and take
run         the training itself
contents    digests of the examples of a training, by which they are known again
checkpoint  how far it is, on disk
recording   its losses, scores and seconds, in its journal
evaluate    a trained model on the test split
model_file  the file of a trained model by the name that a user gives
"""
