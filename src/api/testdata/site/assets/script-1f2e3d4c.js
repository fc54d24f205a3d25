console.log('A script that is long enough to be worth compressing, compressing, compressing, compressing.');
