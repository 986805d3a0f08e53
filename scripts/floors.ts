console.log("floors: being written");
