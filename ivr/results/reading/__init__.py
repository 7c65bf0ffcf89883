"""Reading: runs and answers of one questionnaire out of the store, counted by what the asker names."""
