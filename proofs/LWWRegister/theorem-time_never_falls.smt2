; LWWRegister: theorem time_never_falls
; unsat means proved
(set-logic ALL)
(declare-fun |s.present| () Bool)
(declare-fun |s.time| () Int)
(declare-fun |s.writer| () Int)
(declare-fun |t.present| () Bool)
(declare-fun |t.time| () Int)
(declare-fun |t.writer| () Int)
(define-fun t!1 () Bool (or (< |s.time| |t.time|) (and (= |s.time| |t.time|) (< |s.writer| |t.writer|))))
(assert (and |s.present| (or (not (ite (not |s.present|) |t.present| (ite (not |t.present|) |s.present| (ite t!1 |t.present| |s.present|)))) (< (ite (not |s.present|) |t.time| (ite (not |t.present|) |s.time| (ite t!1 |t.time| |s.time|))) |s.time|))))
(check-sat)
